// The reference on a graph in which parameters come in as values: a small convolutional network with a normalisation, pooling
// and a product of matrices, its J against differences in all ways of asking for it, and the machinery around.

#include "nodes_of_parameters.hpp"
#include "tangram/tangent/reference/branches.hpp"
#include "tangram/tangent/reference/conditioning.hpp"
#include "tangram/tangent/reference/rounding.hpp"

#include <cmath>
#include <span>

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

namespace {

/// Rows of a reduction followed, what is shared there once for all.
std::vector<SampleGradient> followed(const Network& network, const Reduction& reduction,
                                     const Matrix<double>& X) {
    const SharedValues shared = shared_values(network);
    std::vector<SampleGradient> gradients;
    for (Index i = 0; i < X.rows(); ++i)
        gradients.push_back(backpropagate(network, {reduction, i, shared}, row_of(X, i)));
    return gradients;
}

void check_equal(const Matrix<double>& K, const Matrix<double>& expected) {
    REQUIRE(K.rows() == expected.rows());
    REQUIRE(K.cols() == expected.cols());
    const double size = largest_entry(expected);
    CHECK(size > 0);
    for (Index e = 0; e < K.size(); ++e) CHECK(std::abs(K.data()[e] - expected.data()[e]) < 1e-12 * size);
}

}  // namespace

TEST_CASE("a graph of parameters: following the R rows alone gives the kernels of all outputs followed") {
    const Network network = small_graph();
    const Matrix<double> X = random_samples(5, 6, 9);
    const std::vector<SampleGradient> whole = gradients_of(network, X);
    std::vector<Reduction> reductions{make_rows(5, 2, 4, 3)};
    for (const ReductionKind kind : all_reductions()) reductions.push_back(make_reduction(kind, 4));
    for (const Reduction& reduction : reductions) {
        CAPTURE(to_string(reduction.kind));
        const std::vector<SampleGradient> rows = followed(network, reduction, X);
        const std::span<const SampleGradient> all(rows), kept(whole);
        CHECK(rows[0].rows() == reduction.sensitivities());
        for (const Node& node : network.nodes) {
            const bool is_shared = network.values[at(node.output)].shared;
            CHECK(rows[0].values[at(node.output)].empty() == is_shared);
            CHECK(rows[0].sensitivities[at(node.output)].rows() == (is_shared ? 0 : rows[0].rows()));
        }
        for (Index t = 0; t < tensors_of(network); ++t) {
            CAPTURE(t);
            const Matrix<double> expected = reference_kernel(network, reduction, t, kept);
            check_equal(reference_kernel(network, reduction, t, all), expected);
            check_equal(reference_kernel(network, reduction, t, all.first(2), all.last(3)),
                        reference_kernel(network, reduction, t, kept.first(2), kept.last(3)));
            Matrix<double> sum(expected.rows(), expected.cols());
            for (Index rank = 0; rank < 3; ++rank) {
                const Matrix<double> share = reference_kernel(network, reduction, t, all, {rank, 3, 2});
                for (Index e = 0; e < sum.size(); ++e) sum.data()[e] += share.data()[e];
            }
            check_equal(sum, expected);
        }
    }
}

TEST_CASE("a graph of parameters: one direction of all tensors agrees with J, and finds one that is wrong") {
    const Network network = small_graph();
    for (const ReductionKind kind : all_reductions()) {
        const Reduction reduction = make_reduction(kind, 4);
        CAPTURE(to_string(kind));
        std::vector<SampleGradient> samples = followed(network, reduction, random_samples(2, 6, 9));
        for (const SampleGradient& sample : samples) {
            const FiniteDifferenceResult result = compare_all_at_once(network, sample, 3);
            CHECK(result.error < finite_difference_tolerance);
            CHECK(result.decided == 1);
        }
        const FiniteDifferenceResult each = compare_with_finite_differences(network, samples, 3);
        CHECK(each.error < finite_difference_tolerance);
        CHECK(each.decided == 2 * tensors_of(network));
        for (const Node& node : network.nodes) {
            Matrix<double>& D = samples[0].sensitivities[at(node.output)];
            const bool meets_parameter = node.name == "conv" || node.name == "mul" || node.name == "matmul";
            if (!meets_parameter) continue;
            for (Index e = 0; e < D.size(); ++e) D.data()[e] *= 1.01;
            CHECK(compare_all_at_once(network, samples[0], 3).error > finite_difference_tolerance);
            for (Index e = 0; e < D.size(); ++e) D.data()[e] /= 1.01;
        }
    }
}

TEST_CASE(
    "a graph of parameters: equal maxima take the first branch on both sides, and an entry above them another") {
    Network network;
    network.values.push_back({"input", 4});
    const Index scaled =
        add_node(network, Mul{}, "mul", {network.input, add_parameter(network, {1, 1, 1, 1})}, {}, 4);
    const Index pooled = add_node(network, Largest{pairs(2)}, "pool", {scaled}, {}, 2);
    network.output = add_node(network, Activate{parse_activation("relu")}, "relu", {pooled}, {}, 2);
    const auto at_sample = [&](const Vector& x) {
        return backpropagate(network, {make_reduction(ReductionKind::trace, 2), 0, shared_values(network)},
                             x);
    };
    const auto values_at = [&](const Vector& x) {
        std::vector<Matrix<double>> values;
        const SampleGradient there = at_sample(x);
        for (std::size_t v = 0; v < network.values.size(); ++v) {
            const Vector& value = there.value(static_cast<Index>(v));
            values.emplace_back(1, static_cast<Index>(value.size()));
            std::copy(value.begin(), value.end(), values.back().data());
        }
        return values;
    };
    const SampleGradient sample = at_sample({0.5, 0.5, 0, 0});
    CHECK_FALSE(takes_other_branch(network, sample, values_at({0.5, 0.5, 0, 0})));
    CHECK_FALSE(
        takes_other_branch(network, sample, values_at({0.5, 0.4, 0, -1})));  // the first is the largest
    CHECK(takes_other_branch(network, sample, values_at({0.5, 0.5 + 1e-16 * 2, 0, 0})));
    CHECK(takes_other_branch(network, sample, values_at({0.5, 0.5, 1e-300, 0})));  // relu has another slope
    CHECK_FALSE(
        takes_other_branch(network, sample, values_at({0.5, 0.5, -1e-300, -1})));  // and the same below 0
}
