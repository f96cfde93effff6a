// The explicit reference against what does not come from it: closed forms, and networks perturbed one
// parameter at a time by a forward pass written here.

#include "explicit_jacobian.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

using namespace tangram;
using namespace tangram::test;

namespace {

/// phi by formulas of this test's own.
double phi(ActivationKind kind, double z) {
    switch (kind) {
        case ActivationKind::tanh:
            return 2 / (1 + std::exp(-2 * z)) - 1;
        case ActivationKind::softplus:
            return std::log(1 + std::exp(z));
        case ActivationKind::silu:
            return z / (1 + std::exp(-z));
        case ActivationKind::sigmoid:
            return (1 + std::tanh(z / 2)) / 2;
        case ActivationKind::relu:
            return std::max(z, 0.0);
        default:
            return z;
    }
}

/// One node, entry by entry as the table of operators defines it.
std::vector<double> output_of(const Network& network, const Node& node,
                              const std::vector<std::vector<double>>& values) {
    const std::vector<double>& x = values[at(node.inputs[0])];
    std::vector<double> y(at(network.values[at(node.output)].size));
    for (std::size_t j = 0; j < y.size(); ++j) {
        if (const auto* dense = std::get_if<Dense>(&node.op)) {
            const auto row = static_cast<Index>(j);
            const Matrix<double>& W = network.tensors[at(node.tensors[0])].values;
            for (std::size_t k = 0; k < x.size(); ++k)
                y[j] += dense->weight_scale * W(row, static_cast<Index>(k)) * x[k];
            if (node.tensors.size() > 1)
                y[j] += dense->bias_scale * network.tensors[at(node.tensors[1])].values(row, 0);
        } else if (const auto* activate = std::get_if<Activate>(&node.op)) {
            y[j] = activate->scale * phi(activate->phi.kind, x[j]);
        } else if (const auto* softmax = std::get_if<Softmax>(&node.op)) {
            double sum = 0;
            for (const double z : x) sum += std::exp(z);
            y[j] =
                softmax->scale * (softmax->logarithm ? std::log(std::exp(x[j]) / sum) : std::exp(x[j]) / sum);
        } else if (std::holds_alternative<Add>(node.op)) {
            y[j] = x[j] + values[at(node.inputs[1])][j];
        } else {
            y[j] = x[j] * values[at(node.inputs[1])][j];
        }
    }
    return y;
}

/// f(x).
std::vector<double> outputs_of(const Network& network, const std::vector<double>& x) {
    std::vector<std::vector<double>> values(network.values.size());
    values[at(network.input)] = x;
    for (const Node& node : network.nodes) values[at(node.output)] = output_of(network, node, values);
    return values[at(network.output)];
}

/// d f / d entry by a five-point difference, whose error is about h^4 + 1e-16 / h = 1e-12.
std::vector<double> perturbed(Network& network, const std::vector<double>& x, Index tensor, Index entry) {
    const double h = 1e-3;
    double& theta = network.tensors[at(tensor)].values.data()[entry];
    const double middle = theta;
    const auto f = [&](double step) {
        theta = middle + step;
        return outputs_of(network, x);
    };
    const auto p1 = f(h), m1 = f(-h), p2 = f(2 * h), m2 = f(-2 * h);
    theta = middle;
    std::vector<double> slope;
    for (std::size_t r = 0; r < p1.size(); ++r)
        slope.push_back((8 * (p1[r] - m1[r]) - (p2[r] - m2[r])) / (12 * h));
    return slope;
}

/// max |J - differences| of one tensor; rows i C + r.
double largest_difference(Network& network, const Matrix<double>& X, Index tensor, const Matrix<double>& J) {
    double off = 0;
    for (Index i = 0; i < X.rows(); ++i) {
        for (Index entry = 0; entry < J.cols(); ++entry) {
            const std::vector<double> slope = perturbed(network, row_of(X, i), tensor, entry);
            const auto C = static_cast<Index>(slope.size());
            for (Index r = 0; r < C; ++r) off = std::max(off, std::abs(J(i * C + r, entry) - slope[at(r)]));
        }
    }
    return off;
}

/// Outputs and the J of every tensor against this file's own forward pass.
void check_by_perturbing(Network& network) {
    const Matrix<double> X = random_samples(3, network.inputs(), 12);
    const std::vector<SampleGradient> samples = gradients_of(network, X);
    for (Index i = 0; i < X.rows(); ++i) {
        const std::vector<double> outputs = outputs_of(network, row_of(X, i));
        for (std::size_t r = 0; r < outputs.size(); ++r)
            CHECK(samples[at(i)].outputs[r] == doctest::Approx(outputs[r]).epsilon(1e-14));
    }
    for (Index tensor = 0; tensor < tensors_of(network); ++tensor) {
        CAPTURE(network.tensors[at(tensor)].name);
        const Matrix<double> J = whole_jacobian(network, tensor, samples);
        CHECK(J.cols() == network.tensors[at(tensor)].size());
        CHECK(largest_difference(network, X, tensor, J) < 1e-9 * largest_entry(J) + 1e-12);
        CHECK(largest_entry(J) > 1e-6);
    }
}

}  // namespace

TEST_CASE("the explicit Jacobian is what perturbing every parameter of a chain gives") {
    Network network = random_network({3, 4, 1, 5, 2}, {"tanh", "softplus", "silu", "sigmoid"},
                                     {true, false, true, true}, 11);
    CHECK(network.tensors.size() == 7);
    check_by_perturbing(network);
}

TEST_CASE("the explicit Jacobian of a residual network is what perturbing every parameter gives") {
    Network network = random_residual(3, 4, 51);
    check_by_perturbing(network);
}

TEST_CASE("the explicit Jacobian counts every path: a value that one sum takes twice") {
    Network network = random_doubled(3, 4, 52);
    check_by_perturbing(network);
}

TEST_CASE("the explicit Jacobian follows both factors of a product, also of a value with itself") {
    Network network = random_gated(3, 4, 54);
    check_by_perturbing(network);
}

TEST_CASE(
    "the explicit Jacobian follows the one factor that a parameter moves, where the other is the input") {
    Network network = random_bilinear(3, 58);
    check_by_perturbing(network);
}

TEST_CASE("the explicit Jacobian follows all entries through a softmax, and through its logarithm") {
    Network network = random_softmax(3, 4, 59);
    check_by_perturbing(network);
}

TEST_CASE("the explicit Jacobian sums over the uses of a tensor that several nodes share") {
    Network network = random_network({4, 4, 4, 2}, {"tanh", "silu", "identity"}, {true, true, true}, 53);
    network.nodes[2].tensors = network.nodes[0].tensors;  // the second layer takes the first one's
    const Matrix<double> X = random_samples(2, 4, 12);
    const std::vector<SampleGradient> samples = gradients_of(network, X);
    for (const Index tensor : network.nodes[0].tensors) {
        const Matrix<double> J = whole_jacobian(network, tensor, samples);
        CHECK(largest_difference(network, X, tensor, J) < 1e-9 * largest_entry(J));
    }
    for (const Index unused : {2, 3}) CHECK(largest_entry(whole_jacobian(network, unused, samples)) == 0);
}

TEST_CASE(
    "what no path leads from a parameter to the output through has no sensitivity, and J is zero there") {
    Network network = random_network({3, 4, 2}, {"tanh", "identity"}, {true, true}, 55);
    const Index dead = add_random_dense(network, "dead", 2, 6, 56);
    const std::vector<SampleGradient> samples = gradients_of(network, random_samples(2, 3, 57));
    CHECK(samples[0].sensitivities[at(dead)].rows() == 0);
    CHECK(samples[0].sensitivities[at(network.input)].rows() == 0);
    CHECK(samples[0].sensitivities[at(network.output)].rows() == 2);
    const Matrix<double> J = whole_jacobian(network, tensors_of(network) - 2, samples);
    CHECK(J.cols() == 24);
    CHECK(largest_entry(J) == 0);
}

TEST_CASE(
    "the kernel of a single linear layer is a^2 x.x' for its weights and b^2 for its bias, on equal "
    "outputs") {
    Chain chain = random_chain({5, 3}, {"identity"}, {true}, 3);
    chain.layers[0].output_scale = 1;
    const double a = chain.layers[0].weight_scale, b = chain.layers[0].bias_scale;
    const Network network = make_network(std::move(chain));
    const Matrix<double> X = random_samples(4, 5, 4);
    const std::vector<SampleGradient> samples = gradients_of(network, X);
    const Reduction full = make_reduction(ReductionKind::full, 3);
    const Matrix<double> K_weight = reference_kernel(network, full, 0, samples);
    const Matrix<double> K_bias = reference_kernel(network, full, 1, samples);
    for (Index i = 0; i < 12; ++i) {
        for (Index j = 0; j < 12; ++j) {
            const double equal = i % 3 == j % 3 ? 1 : 0;
            double xx = 0;
            for (Index k = 0; k < 5; ++k) xx += X(i / 3, k) * X(j / 3, k);
            CHECK(K_weight(i, j) == doctest::Approx(equal * a * a * xx).epsilon(1e-14));
            CHECK(K_bias(i, j) == doctest::Approx(equal * b * b).epsilon(1e-14));
        }
    }
}

TEST_CASE("the Jacobian of a deep linear network is the product of the other weights") {
    Chain chain = random_chain({2, 3, 4, 2}, {"identity", "identity", "identity"}, {false, true, false}, 21);
    for (Layer& layer : chain.layers) layer.weight_scale = layer.bias_scale = layer.output_scale = 1;
    const Network network = make_network(std::move(chain));
    const Matrix<double> X = random_samples(1, 2, 22);
    const std::vector<SampleGradient> samples = gradients_of(network, X);
    const Matrix<double> J_first = whole_jacobian(network, 0, samples);
    const Matrix<double> J_bias = whole_jacobian(network, 2, samples);
    const Matrix<double>& second = network.tensors[1].values;
    const Matrix<double>& third = network.tensors[3].values;
    for (Index r = 0; r < 2; ++r) {
        for (Index j = 0; j < 4; ++j) CHECK(J_bias(r, j) == doctest::Approx(third(r, j)).epsilon(1e-14));
        for (Index j = 0; j < 3; ++j) {
            double through = 0;
            for (Index m = 0; m < 4; ++m) through += third(r, m) * second(m, j);
            for (Index k = 0; k < 2; ++k) {
                CHECK(J_first(r, j * 2 + k) == doctest::Approx(through * X(0, k)).epsilon(1e-13));
            }
        }
    }
}
