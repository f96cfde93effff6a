#pragma once
// A network of a single node that reads parameters, so that J of each is the node's own derivative; and what holds of any node.

#include "explicit_jacobian.hpp"
#include "tangram/tangent/reference/cancellation.hpp"
#include "tangram/tangent/reference/finite_difference.hpp"

#include <doctest/doctest.h>

#include <utility>

namespace tangram::test {

using Vector = std::vector<double>;

inline Vector numbers(Index count, std::uint64_t seed) {
    const Matrix<double> row = random_samples(1, count, seed);
    return row_of(row, 0);
}

/// A network whose input goes nowhere.
inline Network empty_network() {
    Network network;
    network.values.push_back({"input", 1});
    return network;
}

inline Index add_parameter(Network& network, const Vector& entries) {
    const auto size = static_cast<Index>(entries.size());
    const Index unit_size = size % 2 == 0 ? 2 : 1;
    Matrix<double> theta(size / unit_size, unit_size);
    std::copy(entries.begin(), entries.end(), theta.data());
    const Index t = add_tensor(network, "theta", {size / unit_size, unit_size}, std::move(theta));
    return add_node(network, Parameter{}, "theta", {}, {t}, size);
}

inline Network node_of_parameters(const Operator& op, const std::vector<Vector>& inputs, Index size) {
    Network network = empty_network();
    std::vector<Index> values;
    for (const Vector& entries : inputs) values.push_back(add_parameter(network, entries));
    network.output = add_node(network, op, "node", values, {}, size);
    return network;
}

inline SampleGradient gradient(const Network& network) {
    return backpropagate(network, Vector{1});
}

/// The sum of |J| over the outputs may not be more than J of a signed sum of all outputs before cancellation; nor is that far
/// above, as an entry of the largest counts.
inline void check_before_cancellation(const Network& network, Index t, const Matrix<double>& J) {
    Network sum = copy_of(network);
    const auto windows = std::make_shared<Windows>();
    for (Index j = 0; j < J.rows(); ++j) {
        windows->from.push_back(j);
        windows->weight.push_back(j % 2 == 0 ? 1 : -1);
    }
    windows->begin.push_back(J.rows());
    sum.output = add_node(sum, Combine{windows}, "sum", {network.output}, {}, 1);
    const SampleGradient sizes = before_cancellation(sum, gradient(sum));
    const Matrix<double> before = whole_jacobian(sum, t, {&sizes, 1});
    double largest = 0;
    for (Index e = 0; e < J.cols(); ++e) {
        double size = 0;
        for (Index r = 0; r < J.rows(); ++r) size += std::abs(J(r, e));
        CHECK(size <= before.data()[e] * (1 + 1e-12));
        largest = std::max(largest, size);
    }
    CHECK(largest_entry(before) <= 10 * largest);
}

/// J against differences, entry by entry, before cancellation too, and the finite differences of the program.
inline void check_derivatives(const Network& original) {
    Network network = copy_of(original);
    const SampleGradient sample = gradient(network);
    for (Index t = 0; t < tensors_of(network); ++t) {
        CAPTURE(t);
        const Matrix<double> J = whole_jacobian(network, t, {&sample, 1});
        const Matrix<double> expected = differences(network, t, Vector{1});
        CHECK(largest_entry(J) > 1e-3);
        for (Index e = 0; e < J.size(); ++e)
            CHECK(std::abs(J.data()[e] - expected.data()[e]) < 1e-9 * (1 + largest_entry(J)));
        check_before_cancellation(network, t, J);
    }
    const FiniteDifferenceResult result = compare_with_finite_differences(network, {&sample, 1}, 7);
    CHECK(result.error < finite_difference_tolerance);
    CHECK(result.decided == tensors_of(network));
}

inline void check_outputs(const Network& network, const Vector& expected) {
    const Vector outputs = gradient(network).outputs;
    REQUIRE(outputs.size() == expected.size());
    for (std::size_t j = 0; j < outputs.size(); ++j)
        CHECK(outputs[j] == doctest::Approx(expected[j]).epsilon(1e-13));
}

}  // namespace tangram::test
