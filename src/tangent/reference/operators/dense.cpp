// z = a W x + b B.
//
//   pull_back  D_x += a D_z W
//   gradient   J[W]_{(j, k)} = a d_j x_k     J[B]_j = b d_j
//   add_rate   z' += a U x, or b u for the bias

#include "../dot.hpp"
#include "kinds.hpp"

#include <cmath>

namespace tangram::reference {

namespace {

/// b B_j.
double bias(const Dense& dense, const Operands& in, Index unit) {
    return in.tensors.size() > 1 ? dense.bias_scale * in.tensors[1](unit, 0) : 0;
}

}  // namespace

void forward(const Dense& dense, const Operands& in, MatrixView<double> z) {
    const ConstMatrixView<double> x = in.inputs[0];
    const ConstMatrixView<double> W = in.tensors[0];
    for (Index j = 0; j < W.rows; ++j) {
        const double shift = bias(dense, in, j);
        for (Index point = 0; point < z.rows; ++point)
            z(point, j) = dense.weight_scale * dot(W.row(j), x.row(point), W.cols) + shift;
    }
}

Vector magnitudes(const Dense& dense, const Operands& in) {
    const double* x = in.inputs[0].data;
    const ConstMatrixView<double> W = in.tensors[0];
    Vector sizes(at(W.rows));
    for (Index j = 0; j < W.rows; ++j) {
        double sum = 0;
        for (Index k = 0; k < W.cols; ++k) sum += std::abs(W(j, k) * x[k]);
        sizes[at(j)] = std::abs(dense.weight_scale) * sum + std::abs(bias(dense, in, j));
    }
    return sizes;
}

void pull_back(const Dense& dense, const Operands& in, ConstMatrixView<double> D_z,
               std::span<const MatrixView<double>> D_x) {
    const ConstMatrixView<double> W = in.tensors[0];
    for (Index j = 0; j < W.rows; ++j) {  // one row of W serves all outputs while it is in the cache
        for (Index r = 0; r < D_x[0].rows; ++r) {
            const double factor = dense.weight_scale * D_z(r, j);
            double* d = D_x[0].row(r);
            for (Index k = 0; k < W.cols; ++k) d[k] += factor * W(j, k);
        }
    }
}

void gradient(const Dense& dense, const Operands& in, std::size_t tensor, std::span<const double> d,
              double* J) {
    if (tensor == 1) {
        for (std::size_t j = 0; j < d.size(); ++j) J[j] = dense.bias_scale * d[j];
        return;
    }
    const ConstMatrixView<double> x = in.inputs[0];
    for (const double entry : d) {
        const double factor = dense.weight_scale * entry;
        for (Index k = 0; k < x.cols; ++k) J[k] = factor * x.data[k];
        J += x.cols;
    }
}

void add_rate(const Dense& dense, const Operands& in, std::size_t tensor, const Direction& u,
              MatrixView<double> rate) {
    const Index fan_in = in.inputs[0].cols;
    Vector row(at(fan_in));
    for (Index j = 0; j < rate.cols; ++j) {
        if (tensor == 0) {
            for (Index k = 0; k < fan_in; ++k) row[at(k)] = u(j * fan_in + k);
        }
        for (Index point = 0; point < rate.rows; ++point) {
            rate(point, j) += tensor == 1
                                  ? dense.bias_scale * u(j)
                                  : dense.weight_scale * dot(row.data(), in.inputs[0].row(point), fan_in);
        }
    }
}

}  // namespace tangram::reference
