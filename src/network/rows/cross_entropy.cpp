// The gradient of -sum_o t_o log p_o, p = softmax(y), with respect to the outputs y of one sample:
//
//   E_o = (sum_q t_q) p_o - t_o = p_o (sum of the other t) - t_o (1 - p_o)
//
// The second spelling loses no digits where p_o is close to 1: of a class with p = 1 - 1e-20 it is -1e-20, not 0.

#include "rules.hpp"
#include "softmax.hpp"

namespace tangram::rows {

namespace {

void fill(const Reduction& reduction, Index sample, const double* y, MatrixView<double> E) {
    const Probabilities softmax(y, E.cols);
    const Targets& targets = *reduction.targets;
    double all = 0;
    for (Index o = 0; o < E.cols; ++o) all += targets(sample, o);
    for (Index o = 0; o < E.cols; ++o) {
        const double t = targets(sample, o);
        E(0, o) = softmax.p(o) * (all - t) - t * softmax.rest(o);
    }
}

}  // namespace

const RowRule cross_entropy{.name = "cross-entropy", .by_sample = true, .count = one_row, .fill = fill};

}  // namespace tangram::rows
