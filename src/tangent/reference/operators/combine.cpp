// y_j = sum over its window of weight x_from.
//
//   pull_back   D_x_from += weight D_y_j

#include "kinds.hpp"

#include <cmath>

namespace tangram::reference {

namespace {

/// Calls visit(j, from, weight) for every term of every y_j.
template <class Visit>
void for_each_term(const Combine& combine, Visit visit) {
    const Windows& windows = *combine.windows;
    for (Index j = 0; j < windows.outputs(); ++j) {
        for (Index e = windows.begin[at(j)]; e < windows.begin[at(j) + 1]; ++e)
            visit(j, windows.from[at(e)], windows.weight[at(e)]);
    }
}

}  // namespace

void forward(const Combine& combine, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index j = 0; j < y.cols; ++j) y(point, j) = 0;
        for_each_term(combine, [&](Index j, Index from, double weight) {
            y(point, j) += weight * in.inputs[0](point, from);
        });
    }
}

Vector magnitudes(const Combine& combine, const Operands& in) {
    Vector sizes(at(combine.windows->outputs()));
    for_each_term(combine, [&](Index j, Index from, double weight) {
        sizes[at(j)] += std::abs(weight * in.inputs[0](0, from));
    });
    return sizes;
}

void pull_back(const Combine& combine, const Operands&, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x) {
    for_each_term(combine, [&](Index j, Index from, double weight) {
        for (Index r = 0; r < D_x[0].rows; ++r) D_x[0](r, from) += weight * D_y(r, j);
    });
}

void pull_back_magnitudes(const Combine& combine, const Operands&, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_x) {
    for_each_term(combine, [&](Index j, Index from, double weight) {
        for (Index r = 0; r < D_x[0].rows; ++r) D_x[0](r, from) += std::abs(weight) * D_y(r, j);
    });
}

void add_inherited(const Combine& combine, const Operands&, std::span<const std::span<const double>> x,
                   std::span<double> y) {
    for_each_term(combine,
                  [&](Index j, Index from, double weight) { y[at(j)] += std::abs(weight) * x[0][at(from)]; });
}

}  // namespace tangram::reference
