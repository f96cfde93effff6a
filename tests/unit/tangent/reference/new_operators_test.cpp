// The reference's operators that graphs are made of, one by one: their derivatives against central differences, what they
// compute against numbers worked out by hand.

#include "nodes_of_parameters.hpp"
#include "tangram/tangent/reference/rounding.hpp"

#include <cmath>
#include <limits>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void check_J(const Network& network, const Vector& expected) {
    const SampleGradient sample = gradient(network);
    const Matrix<double> J = whole_jacobian(network, 0, {&sample, 1});
    CHECK(Vector(J.data(), J.data() + J.size()) == expected);
}

std::shared_ptr<const Arrangement> arrangement(std::vector<Index> from, double fill) {
    return std::make_shared<const Arrangement>(Arrangement{std::move(from), fill});
}

/// Of three entries each, the next starts two further; weights of both signs.
std::shared_ptr<const Windows> overlapping_windows() {
    return std::make_shared<const Windows>(
        Windows{{0, 3, 6, 8}, {0, 1, 2, 2, 3, 4, 4, 5}, {0.5, -1, 2, 0.3, 0.7, -0.2, 1, 1}});
}

}  // namespace

TEST_CASE("a sum scales its second term, also where both are one value") {
    const Network two = node_of_parameters(Add{-0.7}, {{1, 2}, {3, -5}}, 2);
    check_outputs(two, {1 - 2.1, 2 + 3.5});
    check_derivatives(two);
    Network same = empty_network();
    const Index x = add_parameter(same, {1, 2});
    same.output = add_node(same, Add{0.5}, "node", {x, x}, {}, 2);
    check_J(same, {1.5, 0, 0, 1.5});
}

TEST_CASE("softmax, run by run, and its logarithm; what a mask of -infinity hides is 0 and moves nothing") {
    for (const bool logarithm : {false, true}) {
        const Network runs = node_of_parameters(Softmax{logarithm, 1.3, 3}, {numbers(6, 1)}, 6);
        const Network whole = node_of_parameters(Softmax{logarithm, 1.3}, {numbers(6, 1)}, 6);
        check_derivatives(runs);
        check_derivatives(whole);
        CHECK(std::abs(gradient(runs).outputs[0]) != doctest::Approx(std::abs(gradient(whole).outputs[0])));
    }
    Network masked = empty_network();
    const auto mask = std::make_shared<const Vector>(Vector{0, -infinity, 0, 0});
    const Index hidden = add_node(masked, Constant{mask}, "mask", {}, {}, 4);
    const Index z = add_node(masked, Add{}, "add", {add_parameter(masked, {1, 2, 1, 3}), hidden}, {}, 4);
    masked.output = add_node(masked, Softmax{.length = 2}, "node", {z}, {}, 4);
    const double p = 1 / (1 + std::exp(2.0));
    check_outputs(masked, {1, 0, p, 1 - p});
    check_derivatives(masked);
    const SampleGradient sample = gradient(masked);
    for (const std::vector<double>& bounds : rounding_of_values(masked, sample)) {
        for (const double bound : bounds) CHECK(bound < 1e-14);
    }
}

TEST_CASE("functions, entry by entry") {
    const Vector positive{0.5, 1.2, 2.5, 0.8}, mixed{-0.5, 1.2, -2.5, 0.8};
    for (const Apply& smooth : {Apply{Function::affine, -2, 0.5}, Apply{Function::exp},
                                Apply{Function::reciprocal}, Apply{Function::abs}, Apply{Function::power, 3},
                                Apply{Function::power, -2}, Apply{Function::clip, -1, 1}})
        check_derivatives(node_of_parameters(smooth, {mixed}, 4));
    for (const Apply& half : {Apply{Function::log}, Apply{Function::sqrt}, Apply{Function::power, 0.3}})
        check_derivatives(node_of_parameters(half, {positive}, 4));
    check_outputs(node_of_parameters(Apply{Function::power, 0.5}, {{4, 9}}, 2), {2, 3});
    check_outputs(node_of_parameters(Apply{Function::affine, 3, 1}, {{4, 9}}, 2), {13, 28});
    check_J(node_of_parameters(Apply{Function::abs}, {{0, -2}}, 2), {0, 0, 0, -1});
    check_J(node_of_parameters(Apply{Function::clip, -1, 1}, {{-1, 1}}, 2), {1, 0, 0, 1});
    check_J(node_of_parameters(Apply{Function::clip, -1, 1}, {{-1.5, 1.5}}, 2), {0, 0, 0, 0});
    check_J(node_of_parameters(Apply{Function::power, 2}, {{0, -3}}, 2), {0, 0, 0, -6});
    check_J(node_of_parameters(Apply{Function::power, 0}, {{0, 2}}, 2), {0, 0, 0, 0});
}

TEST_CASE("a step that takes an entry over a corner is rejected, and differences still find the derivative") {
    const auto rejected = [](const Network& network) {
        const SampleGradient sample = gradient(network);
        const FiniteDifferenceResult result = compare_with_finite_differences(network, {&sample, 1}, 7);
        CHECK(result.error < finite_difference_tolerance);
        CHECK(result.decided == 1);
        return result.steps_rejected;
    };
    for (const Function f : {Function::log, Function::sqrt, Function::reciprocal, Function::abs})
        CHECK(rejected(node_of_parameters(Apply{f}, {{1, 1e-2}}, 2)) > 0);
    CHECK(rejected(node_of_parameters(Apply{Function::power, 2}, {{1, 1e-2}}, 2)) == 0);
    CHECK(rejected(node_of_parameters(Apply{Function::power, 1.5}, {{1, 1e-2}}, 2)) > 0);
    CHECK(rejected(node_of_parameters(Apply{Function::clip, -1, 1}, {{0.5, 0.99}}, 2)) > 0);
    const Vector close{1, 1.01, 1.02, 0.99, 1, 1.03};
    CHECK(rejected(node_of_parameters(Largest{overlapping_windows()}, {close}, 3)) > 0);
}

TEST_CASE("an arrangement takes entries of all its inputs, some twice, some none, and fills") {
    const Arrange arrange{arrangement({4, -1, 0, 0, 3, -1, 1}, 0.25)};
    const Network network = node_of_parameters(arrange, {{1, 2, 3}, {4, 5}}, 7);
    check_outputs(network, {5, 0.25, 1, 1, 4, 0.25, 2});
    check_derivatives(network);
}

TEST_CASE("a combination sums its windows, which overlap, with weights") {
    const Network network = node_of_parameters(Combine{overlapping_windows()}, {{1, 2, 3, 4, 5, 6}}, 3);
    check_outputs(network, {0.5 - 2 + 6, 0.9 + 2.8 - 1, 11});
    check_derivatives(network);
}

TEST_CASE(
    "the largest of a window; of several, the first has the derivative, or all share it; NaN stays NaN") {
    const Network network = node_of_parameters(Largest{overlapping_windows()}, {{1, 3, 9, 2, 4, 7}}, 3);
    check_outputs(network, {9, 9, 7});
    check_derivatives(network);
    const auto pair = std::make_shared<const Windows>(Windows{{0, 3}, {0, 1, 2}, {}});
    check_J(node_of_parameters(Largest{pair}, {{1, 2, 2}}, 1), {0, 1, 0});
    check_J(node_of_parameters(Largest{pair, true}, {{1, 2, 2}}, 1), {0, 0.5, 0.5});
    for (const Vector& x : {Vector{NAN, 1, 2}, Vector{3, NAN, 2}})
        CHECK(std::isnan(gradient(node_of_parameters(Largest{pair}, {x}, 1)).outputs[0]));
}

TEST_CASE("each run is standardized: mean 0, and the mean of squares 1 but for epsilon") {
    const Vector x{1, 3, 5, -2, 8, 0};
    check_derivatives(node_of_parameters(Standardize{3, 0}, {x}, 6));
    check_derivatives(node_of_parameters(Standardize{6, 0.1}, {x}, 6));
    const double s = std::sqrt(8.0 / 3 + 0.5), t = std::sqrt(56.0 / 3 + 0.5);
    check_outputs(node_of_parameters(Standardize{3, 0.5}, {x}, 6), {-2 / s, 0, 2 / s, -4 / t, 6 / t, -2 / t});
}
