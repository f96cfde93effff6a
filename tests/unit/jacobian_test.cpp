// The explicit reference against what does not come from it: closed forms, and networks perturbed one
// parameter at a time by a forward pass written here.

#include "tangram/tangent/jacobian.hpp"

#include "random_networks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>

using namespace tangram;

namespace {

using Scalar = std::function<double(double)>;

/// f(x) of a network by matrix-vector products spelt out, with the activations given as functions.
std::vector<double> outputs_of(const Network& network, const std::vector<Scalar>& phi,
                               std::vector<double> x) {
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        const Layer& layer = network.layers[l];
        std::vector<double> next;
        for (Index j = 0; j < layer.fan_out(); ++j) {
            double z = layer.has_bias() ? layer.bias_scale * layer.bias[at(j)] : 0;
            for (Index k = 0; k < layer.fan_in(); ++k)
                z += layer.weight_scale * layer.weight(j, k) * x[at(k)];
            next.push_back(layer.output_scale * phi[l](z));
        }
        x = next;
    }
    return x;
}

double& parameter(Network& network, ParameterTensor tensor, Index entry) {
    Layer& layer = network.layers[at(tensor.layer)];
    return tensor.is_bias ? layer.bias[at(entry)] : layer.weight.data()[entry];
}

/// d f / d entry by a five-point difference, whose error is about h^4 + 1e-16 / h = 1e-12.
std::vector<double> perturbed(Network& network, const std::vector<Scalar>& phi, const std::vector<double>& x,
                              ParameterTensor tensor, Index entry) {
    const double h = 1e-3;
    double& theta = parameter(network, tensor, entry);
    const double middle = theta;
    const auto f = [&](double step) {
        theta = middle + step;
        return outputs_of(network, phi, x);
    };
    const auto p1 = f(h), m1 = f(-h), p2 = f(2 * h), m2 = f(-2 * h);
    theta = middle;
    std::vector<double> slope;
    for (std::size_t r = 0; r < p1.size(); ++r)
        slope.push_back((8 * (p1[r] - m1[r]) - (p2[r] - m2[r])) / (12 * h));
    return slope;
}

std::vector<double> row_of(const Matrix<double>& X, Index i) {
    return {X.view().row(i), X.view().row(i) + X.cols()};
}

std::vector<SampleGradient> gradients_of(const Network& network, const Matrix<double>& X) {
    std::vector<SampleGradient> gradients;
    for (Index i = 0; i < X.rows(); ++i) gradients.push_back(backpropagate(network, row_of(X, i)));
    return gradients;
}

Index units_of(const Network& network, ParameterTensor tensor) {
    return network.layers[at(tensor.layer)].fan_out();
}

/// The explicit J of one tensor with all rows (sample, output).
Matrix<double> whole_jacobian(const Network& network, ParameterTensor tensor,
                              std::span<const SampleGradient> samples) {
    return jacobian_block(network, test::make_reduction(ReductionKind::full, network.outputs()), tensor,
                          samples, 0, units_of(network, tensor));
}

/// K of a reduction from the explicit J, entry by entry as the definition says.
double kernel_entry(ReductionKind kind, const Matrix<double>& J, Index C, Index i, Index j) {
    const auto product = [&](Index a, Index b) {
        double sum = 0;
        for (Index p = 0; p < J.cols(); ++p) sum += J(a, p) * J(b, p);
        return sum;
    };
    if (kind == ReductionKind::full) return product(i, j);
    if (kind == ReductionKind::logit) return product(i * C + C - 1, j * C + C - 1);
    double sum = 0;
    for (Index r = 0; r < C; ++r) {
        for (Index s = 0; s < C; ++s) {
            if (kind == ReductionKind::sum || r == s) sum += product(i * C + r, j * C + s);
        }
    }
    return kind == ReductionKind::mean ? sum / static_cast<double>(C) : sum;
}

double largest_entry(const Matrix<double>& K) {
    double largest = 0;
    for (Index i = 0; i < K.size(); ++i) largest = std::max(largest, std::abs(K.data()[i]));
    return largest;
}

}  // namespace

TEST_CASE("the explicit Jacobian is what perturbing every parameter of a network gives") {
    const Scalar softplus = [](double z) { return std::log(1 + std::exp(z)); };
    const Scalar silu = [](double z) { return z / (1 + std::exp(-z)); };
    const Scalar tanh = [](double z) { return 2 / (1 + std::exp(-2 * z)) - 1; };
    const Scalar sigmoid = [](double z) { return (1 + std::tanh(z / 2)) / 2; };
    const std::vector<Scalar> phi{tanh, softplus, silu, sigmoid};
    Network network = test::random_network({3, 4, 1, 5, 2}, {"tanh", "softplus", "silu", "sigmoid"},
                                           {true, false, true, true}, 11);
    const Matrix<double> X = test::random_samples(3, 3, 12);
    const std::vector<SampleGradient> samples = gradients_of(network, X);

    CHECK(parameter_tensors(network).size() == 7);
    for (Index i = 0; i < X.rows(); ++i) {
        for (Index r = 0; r < 2; ++r) {
            CHECK(samples[at(i)].outputs[at(r)] ==
                  doctest::Approx(outputs_of(network, phi, row_of(X, i))[at(r)]).epsilon(1e-14));
        }
    }
    for (const ParameterTensor tensor : parameter_tensors(network)) {
        CAPTURE(tensor.layer);
        CAPTURE(tensor.is_bias);
        const Matrix<double> J = whole_jacobian(network, tensor, samples);
        double off = 0;
        for (Index i = 0; i < X.rows(); ++i) {
            for (Index entry = 0; entry < J.cols(); ++entry) {
                const std::vector<double> slope = perturbed(network, phi, row_of(X, i), tensor, entry);
                for (Index r = 0; r < 2; ++r)
                    off = std::max(off, std::abs(J(i * 2 + r, entry) - slope[at(r)]));
            }
        }
        CHECK(off < 1e-9 * largest_entry(J) + 1e-12);
        CHECK(largest_entry(J) > 1e-6);
    }
}

TEST_CASE(
    "the kernel of a single linear layer is a^2 x.x' for its weights and b^2 for its bias, on equal "
    "outputs") {
    Network network = test::random_network({5, 3}, {"identity"}, {true}, 3);
    network.layers[0].output_scale = 1;
    const double a = network.layers[0].weight_scale, b = network.layers[0].bias_scale;
    const Matrix<double> X = test::random_samples(4, 5, 4);
    const std::vector<SampleGradient> samples = gradients_of(network, X);
    const Reduction full = test::make_reduction(ReductionKind::full, 3);
    const Matrix<double> K_weight = reference_kernel(network, full, {0, false}, samples);
    const Matrix<double> K_bias = reference_kernel(network, full, {0, true}, samples);
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
    Network network =
        test::random_network({2, 3, 4, 2}, {"identity", "identity", "identity"}, {false, true, false}, 21);
    for (Layer& layer : network.layers) layer.weight_scale = layer.bias_scale = layer.output_scale = 1;
    const Matrix<double> X = test::random_samples(1, 2, 22);
    const std::vector<SampleGradient> samples = gradients_of(network, X);
    const Matrix<double> J_first = whole_jacobian(network, {0, false}, samples);
    const Matrix<double> J_bias = whole_jacobian(network, {1, true}, samples);
    const Layer& second = network.layers[1];
    const Layer& third = network.layers[2];
    for (Index r = 0; r < 2; ++r) {
        for (Index j = 0; j < 4; ++j)
            CHECK(J_bias(r, j) == doctest::Approx(third.weight(r, j)).epsilon(1e-14));
        for (Index j = 0; j < 3; ++j) {
            double through = 0;
            for (Index m = 0; m < 4; ++m) through += third.weight(r, m) * second.weight(m, j);
            for (Index k = 0; k < 2; ++k) {
                CHECK(J_first(r, j * 2 + k) == doctest::Approx(through * X(0, k)).epsilon(1e-13));
            }
        }
    }
}

TEST_CASE(
    "every reduction of the reference kernel is the definition's sum over the explicit Jacobian's rows") {
    const Network network =
        test::random_network({6, 7, 5, 3}, {"tanh", "relu", "identity"}, {true, false, true}, 31);
    const std::vector<SampleGradient> samples = gradients_of(network, test::random_samples(4, 6, 32));
    for (const ReductionKind kind : test::all_reductions()) {
        for (const ParameterTensor tensor : parameter_tensors(network)) {
            CAPTURE(to_string(kind));
            CAPTURE(tensor.layer);
            CAPTURE(tensor.is_bias);
            const Matrix<double> J = whole_jacobian(network, tensor, samples);
            const Matrix<double> K =
                reference_kernel(network, test::make_reduction(kind, 3), tensor, samples);
            CHECK(K.rows() == (kind == ReductionKind::full ? 12 : 4));
            CHECK(K.cols() == K.rows());
            double off = 0;
            for (Index i = 0; i < K.rows(); ++i) {
                for (Index j = 0; j < K.cols(); ++j) {
                    off = std::max(off, std::abs(K(i, j) - kernel_entry(kind, J, 3, i, j)));
                }
            }
            CHECK(off <= 1e-14 * largest_entry(K));
        }
    }
}

TEST_CASE(
    "the blocks that ranks share sum to the whole reference kernel, and a unit larger than a block fits") {
    // rows of J: 2 samples x 2 outputs; a unit is 40 000 values and a block at most 2^19, so 20 units make
    // several blocks; with 150 000 inputs a single unit is more than a block.
    for (const auto& [inputs, units] : {std::pair<Index, Index>{10000, 41}, {150000, 3}}) {
        const Network network =
            test::random_network({inputs, units, 2}, {"relu", "identity"}, {true, true}, 41);
        const std::vector<SampleGradient> samples =
            gradients_of(network, test::random_samples(2, inputs, 42));
        const Reduction trace = test::make_reduction(ReductionKind::trace, 2);
        const Matrix<double> whole = reference_kernel(network, trace, {0, false}, samples);
        const Matrix<double> J = whole_jacobian(network, {0, false}, samples);
        Matrix<double> sum(2, 2);
        int shares_with_work = 0;
        for (Index start = 0; start < 3; ++start) {
            const Matrix<double> share = reference_kernel(network, trace, {0, false}, samples, start, 3);
            for (Index i = 0; i < 4; ++i) sum.data()[i] += share.data()[i];
            if (largest_entry(share) > 0) ++shares_with_work;
        }
        CHECK(shares_with_work == 3);
        for (Index i = 0; i < 2; ++i) {
            for (Index j = 0; j < 2; ++j) {
                CHECK(whole(i, j) ==
                      doctest::Approx(kernel_entry(ReductionKind::trace, J, 2, i, j)).epsilon(1e-12));
                CHECK(sum(i, j) == doctest::Approx(whole(i, j)).epsilon(1e-13));
            }
        }
    }
}
