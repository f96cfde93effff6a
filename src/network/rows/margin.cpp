// The gradient of log p_c / (1 - p_c) of the sample's class c, which is y_c - log sum_{o != c} exp(y_o):
//
//   E_c = 1,   E_o = -softmax of the other outputs
//
// finite and exact wherever p_c lies, at 0 and at 1 too.

#include "rules.hpp"

#include <cmath>

namespace tangram::rows {

namespace {

void fill(const Reduction& reduction, Index sample, const double* y, MatrixView<double> E) {
    const Index own = reduction.targets->classes[at(sample)];
    const Index any_other = own == 0 ? 1 : 0;
    Index likeliest = any_other;
    for (Index o = 0; o < E.cols; ++o) {
        if (o != own && y[o] > y[likeliest]) likeliest = o;
    }
    double sum = 0;
    for (Index o = 0; o < E.cols; ++o) {
        if (o == own) continue;
        E(0, o) = std::exp(y[o] - y[likeliest]);
        sum += E(0, o);
    }
    for (Index o = 0; o < E.cols; ++o) E(0, o) = o == own ? 1.0 : -E(0, o) / sum;
}

}  // namespace

const RowRule margin{.name = "margin", .by_sample = true, .count = one_row, .fill = fill};

}  // namespace tangram::rows
