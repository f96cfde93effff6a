// The gradient of sum_o (y_o - t_o)^2 / C, PyTorch's mse_loss of one sample: E_o = 2 (y_o - t_o) / C.

#include "rules.hpp"

namespace tangram::rows {

namespace {

void fill(const Reduction& reduction, Index sample, const double* y, MatrixView<double> E) {
    const auto C = static_cast<double>(E.cols);
    for (Index o = 0; o < E.cols; ++o) E(0, o) = 2 * (y[o] - (*reduction.targets)(sample, o)) / C;
}

}  // namespace

const RowRule mse{.name = "mse", .by_sample = true, .count = one_row, .fill = fill};

}  // namespace tangram::rows
