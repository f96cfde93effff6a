// The reference on a graph in which parameters come in as values: a small convolutional network with a normalisation, pooling
// and a product of matrices, its J against differences in all ways of asking for it, and the machinery around.

#include "nodes_of_parameters.hpp"
#include "tangram/tangent/reference/conditioning.hpp"
#include "tangram/tangent/reference/rounding.hpp"

#include <cmath>

using namespace tangram;
using namespace tangram::test;

namespace {

std::shared_ptr<const Arrangement> each_repeated(Index entries, Index times) {
    Arrangement table;
    for (Index j = 0; j < entries * times; ++j) table.from.push_back(j / times);
    return std::make_shared<const Arrangement>(table);
}

std::shared_ptr<const Windows> pairs(Index outputs) {
    Windows windows;
    for (Index j = 0; j < outputs; ++j) {
        windows.from.insert(windows.from.end(), {2 * j, 2 * j + 1});
        windows.weight.insert(windows.weight.end(), {0.5, 0.5});
        windows.begin.push_back(2 * j + 2);
    }
    return std::make_shared<const Windows>(windows);
}

/// input (6) - convolution, 2 channels (2, 4) - each channel standardized, times gamma - exp - the larger of pairs (2, 2) -
/// a matrix (3, 2) times it - a Dense, whose outputs are log-softmaxed; and a constant that is subtracted on the way.
Network small_graph() {
    Network network;
    network.values.push_back({"input", 6});
    const Index w = add_parameter(network, numbers(6, 1));
    const Convolve convolve{1, 2, 1, {6}, {3}, {4}, {1}, {1}, {0}};
    const Index y = add_node(network, convolve, "conv", {network.input, w}, {}, 8);
    const Index z = add_node(network, Standardize{4, 0.01}, "norm", {y}, {}, 8);
    const Index gamma = add_node(network, Arrange{each_repeated(2, 4)}, "expand",
                                 {add_parameter(network, numbers(2, 2))}, {}, 8);
    const Index scaled = add_node(network, Mul{}, "mul", {z, gamma}, {}, 8);
    const auto values = std::make_shared<const Vector>(numbers(8, 3));
    const Index shift = add_node(network, Constant{values}, "shift", {}, {}, 8);
    const Index moved = add_node(network, Add{-0.5}, "sub", {scaled, shift}, {}, 8);
    const Index e = add_node(network, Apply{Function::exp}, "exp", {moved}, {}, 8);
    const Index pooled = add_node(network, Largest{pairs(4)}, "pool", {e}, {}, 4);
    const Index M = add_parameter(network, numbers(6, 4));
    const Index product =
        add_node(network, MatMul{3, 2, 2, false, false, 0.7, {0}, {0}}, "matmul", {M, pooled}, {}, 6);
    const Index mean = add_node(network, Combine{pairs(3)}, "mean", {product}, {}, 3);
    const Index logits = add_random_dense(network, "head", mean, 4, 5);
    network.output = add_node(network, Softmax{true, 1, 2}, "log_softmax", {logits}, {}, 4);
    return network;
}

}  // namespace

TEST_CASE("a graph of parameters: J is what differences give, sample by sample, whole and by units") {
    Network network = small_graph();
    const Matrix<double> X = random_samples(2, 6, 9);
    const std::vector<SampleGradient> samples = gradients_of(network, X);
    const Reduction full = make_reduction(ReductionKind::full, 4);
    for (Index t = 0; t < tensors_of(network); ++t) {
        CAPTURE(t);
        const Matrix<double> J = whole_jacobian(network, t, samples);
        CHECK(largest_entry(J) > 1e-3);
        for (Index i = 0; i < 2; ++i) {
            const Matrix<double> expected = differences(network, t, row_of(X, i));
            for (Index r = 0; r < 4; ++r) {
                for (Index e = 0; e < J.cols(); ++e)
                    CHECK(std::abs(J(4 * i + r, e) - expected(r, e)) < 1e-9 * (1 + largest_entry(J)));
            }
        }
        const ParameterTensor& theta = network.tensors[at(t)];
        for (Index unit = 0; unit < theta.units(); ++unit) {
            const Matrix<double> part = jacobian_block(network, full, t, samples, unit, 1);
            REQUIRE(part.cols() == theta.unit_size());
            for (Index e = 0; e < part.cols(); ++e) CHECK(part(5, e) == J(5, unit * part.cols() + e));
        }
        const Matrix<double> K = reference_kernel(network, full, t, samples);
        double expected = 0;
        for (Index e = 0; e < J.cols(); ++e) expected += J(1, e) * J(6, e);
        CHECK(K(1, 6) == doctest::Approx(expected).epsilon(1e-12));
    }
}

TEST_CASE("a graph of parameters: differences agree with J, and find a tensor whose J is wrong") {
    Network network = small_graph();
    const std::vector<SampleGradient> samples = gradients_of(network, random_samples(2, 6, 9));
    const FiniteDifferenceResult result = compare_with_finite_differences(network, samples, 3);
    CHECK(result.error < finite_difference_tolerance);
    CHECK(result.decided == 2 * tensors_of(network));
    for (const Node& node : network.nodes) {
        if (!std::holds_alternative<Parameter>(node.op)) continue;
        std::vector<SampleGradient> wrong = gradients_of(network, random_samples(2, 6, 9));
        for (Index e = 0; e < wrong[0].sensitivities[at(node.output)].size(); ++e)
            wrong[0].sensitivities[at(node.output)].data()[e] *= 1.001;
        CHECK(compare_with_finite_differences(network, wrong, 3).worst == node.tensors[0]);
    }
}

TEST_CASE("a graph of parameters: constants have no sensitivity; rounding and its amplification are small") {
    const Network network = small_graph();
    const SampleGradient sample = backpropagate(network, numbers(6, 9));
    const auto roundings = rounding_of_values(network, sample);
    for (const Node& node : network.nodes) {
        CAPTURE(node.name);
        const Matrix<double>& D = sample.sensitivities[at(node.output)];
        CHECK(D.rows() == (std::holds_alternative<Constant>(node.op) ? 0 : 4));
        const double bound =
            *std::max_element(roundings[at(node.output)].begin(), roundings[at(node.output)].end());
        if (node.inputs.empty() || node.name == "expand") {
            CHECK(bound == 0);
        } else {
            CHECK(bound > 0);
            CHECK(bound < 1e-12);
        }
    }
    const double amplification = rounding_amplification(network, sample, 1);
    CHECK(amplification >= 1);
    CHECK(amplification < 1e4);
}

TEST_CASE("what standardizing loses where the mean is large against the deviations is within the bound") {
    const Index n = 50;
    Vector x = numbers(n, 8);
    for (double& entry : x) entry = 1e6 + 1e-2 * entry;
    const Network network = node_of_parameters(Standardize{n, 0}, {x}, n);
    const SampleGradient sample = gradient(network);
    const std::vector<double> bounds = rounding_of_values(network, sample)[at(network.output)];
    long double mean = 0, variance = 0;
    for (const double entry : x) mean += static_cast<long double>(entry) / n;
    for (const double entry : x) variance += (entry - mean) * (entry - mean) / n;
    for (std::size_t j = 0; j < x.size(); ++j) {
        const long double off = std::abs(sample.outputs[j] - (x[j] - mean) / std::sqrt(variance));
        CHECK(off <= bounds[j]);
        CHECK(bounds[j] < 1e-5);
    }
}
