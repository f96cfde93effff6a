// y_j = x_from(j), x being the entries of all inputs, one after the other; a number of its own where from(j) is -1.
//
//   pull_back   D_x_from(j) += D_y_j

#include "kinds.hpp"

#include <algorithm>

namespace tangram::reference {

namespace {

/// Calls visit(j, input, entry) for every entry j of y that is one of an input's.
template <class Visit>
void for_each_copy(const Arrange& arrange, const Operands& in, Visit visit) {
    const std::vector<Index>& from = arrange.table->from;
    for (std::size_t j = 0; j < from.size(); ++j) {
        if (from[j] < 0) continue;
        std::size_t input = 0;
        Index entry = from[j];
        for (; entry >= in.inputs[input].cols; ++input) entry -= in.inputs[input].cols;
        visit(static_cast<Index>(j), input, entry);
    }
}

}  // namespace

void forward(const Arrange& arrange, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        std::fill(y.row(point), y.row(point) + y.cols, arrange.table->fill);
        for_each_copy(arrange, in, [&](Index j, std::size_t input, Index entry) {
            y(point, j) = in.inputs[input](point, entry);
        });
    }
}

void pull_back(const Arrange& arrange, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x) {
    for_each_copy(arrange, in, [&](Index j, std::size_t input, Index entry) {
        for (Index r = 0; r < D_x[input].rows; ++r) D_x[input](r, entry) += D_y(r, j);
    });
}

void add_inherited(const Arrange& arrange, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y) {
    for_each_copy(arrange, in,
                  [&](Index j, std::size_t input, Index entry) { y[at(j)] += x[input][at(entry)]; });
}

}  // namespace tangram::reference
