// What no other value goes into: y = theta, a parameter tensor entry by entry, and y = numbers that are given.
//
//   gradient   J = d
//   add_rate   y' += u

#include "kinds.hpp"

#include <algorithm>

namespace tangram::reference {

void forward(const Parameter&, const Operands& in, MatrixView<double> y) {
    const ConstMatrixView<double> theta = in.tensors[0];
    for (Index point = 0; point < y.rows; ++point) {
        for (Index j = 0; j < y.cols; ++j) y(point, j) = theta(j / theta.cols, j % theta.cols);
    }
}

void pull_back(const Parameter&, const Operands&, ConstMatrixView<double>,
               std::span<const MatrixView<double>>) {}

void gradient(const Parameter&, const Operands&, std::size_t, std::span<const double> d, double* J) {
    std::copy(d.begin(), d.end(), J);
}

void add_rate(const Parameter&, const Operands&, std::size_t, const Direction& u, MatrixView<double> rate) {
    for (Index point = 0; point < rate.rows; ++point) {
        for (Index j = 0; j < rate.cols; ++j) rate(point, j) += u(j);
    }
}

void forward(const Constant& constant, const Operands&, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index j = 0; j < y.cols; ++j) y(point, j) = (*constant.values)[at(j)];
    }
}

void pull_back(const Constant&, const Operands&, ConstMatrixView<double>,
               std::span<const MatrixView<double>>) {}

}  // namespace tangram::reference
