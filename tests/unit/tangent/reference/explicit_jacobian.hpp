#pragma once
// Explicit Jacobians of a few samples, and differences to compare them with, for the tests of the reference.

#include "random_networks.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace tangram::test {

inline std::vector<double> row_of(const Matrix<double>& X, Index i) {
    return {X.view().row(i), X.view().row(i) + X.cols()};
}

/// Gradients of all rows of X, numbered by them.
inline std::vector<SampleGradient> gradients_of(const Network& network, const Matrix<double>& X) {
    std::vector<SampleGradient> gradients;
    for (Index i = 0; i < X.rows(); ++i) {
        gradients.push_back(backpropagate(network, row_of(X, i)));
        gradients.back().sample = i;
    }
    return gradients;
}

inline Index tensors_of(const Network& network) {
    return static_cast<Index>(network.tensors.size());
}

/// The explicit J of one tensor with all rows (sample, output).
inline Matrix<double> whole_jacobian(const Network& network, Index tensor,
                                     std::span<const SampleGradient> samples) {
    return jacobian_block(network, make_reduction(ReductionKind::full, network.outputs()), tensor, samples, 0,
                          network.tensors[at(tensor)].units());
}

/// max |entry|.
inline double largest_entry(const Matrix<double>& K) {
    double largest = 0;
    for (Index i = 0; i < K.size(); ++i) largest = std::max(largest, std::abs(K.data()[i]));
    return largest;
}

/// The J of one tensor and sample, (C, P), by five-point differences of the reference's own outputs, whose error is about
/// h^4 + 1e-16 / h = 1e-12.
inline Matrix<double> differences(Network& network, Index tensor, const std::vector<double>& x) {
    const double h = 1e-3;
    Matrix<double>& theta = network.tensors[at(tensor)].values;
    Matrix<double> J(network.outputs(), theta.size());
    for (Index entry = 0; entry < theta.size(); ++entry) {
        const double middle = theta.data()[entry];
        const auto f = [&](double step) {
            theta.data()[entry] = middle + step;
            return backpropagate(network, x).outputs;
        };
        const auto p1 = f(h), m1 = f(-h), p2 = f(2 * h), m2 = f(-2 * h);
        theta.data()[entry] = middle;
        for (Index r = 0; r < J.rows(); ++r)
            J(r, entry) = (8 * (p1[at(r)] - m1[at(r)]) - (p2[at(r)] - m2[at(r)])) / (12 * h);
    }
    return J;
}

}  // namespace tangram::test
