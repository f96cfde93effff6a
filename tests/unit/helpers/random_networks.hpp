#pragma once
// Small random networks and samples for tests, from a hash of their own, the same on every rank.

#include "tangram/network/chain.hpp"
#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tangram::test {

/// A number in (-1, 1), a function of `seed` and `counter` alone.
inline double random_number(std::uint64_t seed, std::uint64_t counter) {
    std::uint64_t z = (seed * 2862933555777941757U + counter + 3037000493U) * 3935559000370003845U;
    z ^= z >> 29U;
    z *= 2685821657736338717U;
    return 2.0 * (static_cast<double>(z >> 11U) * 0x1p-53) - 1.0;
}

inline void fill_random(MatrixView<double> matrix, std::uint64_t seed) {
    for (Index i = 0; i < matrix.rows; ++i) {
        for (Index j = 0; j < matrix.cols; ++j) {
            matrix(i, j) = random_number(seed, static_cast<std::uint64_t>(i * matrix.cols + j));
        }
    }
}

/// Widths d_0, .., C; one activation a layer; a bias where `biases` says so; uneven scales, so that one
/// forgotten shows.
inline Chain random_chain(const std::vector<Index>& widths, const std::vector<std::string>& activations,
                          const std::vector<bool>& biases, std::uint64_t seed) {
    Chain chain;
    for (std::size_t l = 1; l < widths.size(); ++l) {
        Layer& layer = chain.layers.emplace_back();
        layer.name = "fc" + std::to_string(l);
        layer.weight_name = layer.name + ".weight";
        layer.weight = Matrix<double>(widths[l], widths[l - 1]);
        fill_random(layer.weight.view(), seed + 2 * l);
        if (biases[l - 1]) {
            layer.bias_name = layer.name + ".bias";
            for (Index j = 0; j < widths[l]; ++j) {
                layer.bias.push_back(random_number(seed + 2 * l + 1, static_cast<std::uint64_t>(j)));
            }
        }
        layer.activation = parse_activation(activations[l - 1]);
        layer.weight_scale = 1.0 + 0.25 * static_cast<double>(l);
        layer.bias_scale = 2.0 - 0.3 * static_cast<double>(l);
        layer.output_scale = 0.7 + 0.1 * static_cast<double>(l);
    }
    return chain;
}

/// The graph of random_chain().
inline Network random_network(const std::vector<Index>& widths, const std::vector<std::string>& activations,
                              const std::vector<bool>& biases, std::uint64_t seed) {
    return make_network(random_chain(widths, activations, biases, seed));
}

/// A Dense node with random tensors of its own, scales 1.25 and 0.8; returns its output.
inline Index add_random_dense(Network& network, const std::string& name, Index x, Index width,
                              std::uint64_t seed) {
    const Index fan_in = network.values[at(x)].size;
    Matrix<double> weight(width, fan_in), bias(width, 1);
    fill_random(weight.view(), seed);
    fill_random(bias.view(), seed + 1);
    const Index W = add_tensor(network, name + ".weight", {width, fan_in}, std::move(weight));
    const Index B = add_tensor(network, name + ".bias", {width}, std::move(bias));
    return add_node(network, Dense{1.25, 0.8}, name, {x}, {W, B}, width);
}

inline Index add_activation(Network& network, const std::string& phi, Index z, double scale) {
    return add_node(network, Activate{parse_activation(phi), scale}, phi, {z}, {},
                    network.values[at(z)].size);
}

inline Index add_sum(Network& network, Index x, Index y) {
    return add_node(network, Add{}, "add", {x, y}, {}, network.values[at(x)].size);
}

inline Index add_product(Network& network, Index x, Index y) {
    return add_node(network, Mul{}, "mul", {x, y}, {}, network.values[at(x)].size);
}

/// dense - tanh - [dense - tanh - dense] + the block's input - `phi` - dense, `inputs` wide, then `width`, then 3.
inline Network random_residual(Index inputs, Index width, std::uint64_t seed,
                               const std::string& phi = "relu") {
    Network network;
    network.values.push_back({"input", inputs});
    const Index x = add_activation(network, "tanh", add_random_dense(network, "stem", 0, width, seed), 0.9);
    const Index inner =
        add_activation(network, "tanh", add_random_dense(network, "block.0", x, width + 1, seed + 2), 1.1);
    const Index sum = add_sum(network, add_random_dense(network, "block.1", inner, width, seed + 4), x);
    network.output = add_random_dense(network, "head", add_activation(network, phi, sum, 0.7), 3, seed + 6);
    return network;
}

/// z = dense(input), x = tanh(z), dense((x + x) + z): one Add takes a value twice, and z goes two ways.
inline Network random_doubled(Index inputs, Index width, std::uint64_t seed) {
    Network network;
    network.values.push_back({"input", inputs});
    const Index z = add_random_dense(network, "first", 0, width, seed);
    const Index x = add_activation(network, "tanh", z, 0.9);
    const Index sum = add_sum(network, add_sum(network, x, x), z);
    network.output = add_random_dense(network, "head", sum, 2, seed + 2);
    return network;
}

/// x = tanh(dense(input)), dense(((x o sigmoid(dense(x))) + x) o itself): a gate, and a Mul that takes a value twice.
inline Network random_gated(Index inputs, Index width, std::uint64_t seed) {
    Network network;
    network.values.push_back({"input", inputs});
    const Index x = add_activation(network, "tanh", add_random_dense(network, "first", 0, width, seed), 0.9);
    const Index gate =
        add_activation(network, "sigmoid", add_random_dense(network, "gate", x, width, seed + 2), 1.2);
    const Index sum = add_sum(network, add_product(network, x, gate), x);
    network.output = add_random_dense(network, "head", add_product(network, sum, sum), 2, seed + 4);
    return network;
}

/// g = input o dense(input), then dense(g) o g: products of the input itself, and one that is the output.
inline Network random_bilinear(Index width, std::uint64_t seed) {
    Network network;
    network.values.push_back({"input", width});
    const Index g = add_product(network, 0, add_random_dense(network, "first", 0, width, seed));
    network.output = add_product(network, add_random_dense(network, "second", g, width, seed + 2), g);
    return network;
}

/// a = softmax(dense(x)) weighs x = tanh(dense(input)); log_softmax(dense(a o x)) is the output.
inline Network random_softmax(Index inputs, Index width, std::uint64_t seed) {
    Network network;
    network.values.push_back({"input", inputs});
    const Index x = add_activation(network, "tanh", add_random_dense(network, "first", 0, width, seed), 0.9);
    const Index scores = add_random_dense(network, "scores", x, width, seed + 2);
    const Index a = add_node(network, Softmax{.scale = 1.3}, "softmax", {scores}, {}, width);
    const Index z = add_random_dense(network, "head", add_product(network, a, x), 3, seed + 4);
    network.output = add_node(network, Softmax{.logarithm = true, .scale = 0.7}, "log_softmax", {z}, {}, 3);
    return network;
}

inline Matrix<double> random_samples(Index count, Index width, std::uint64_t seed) {
    Matrix<double> X(count, width);
    fill_random(X.view(), seed);
    return X;
}

inline Reduction make_reduction(ReductionKind kind, Index outputs) {
    Reduction reduction;
    reduction.kind = kind;
    reduction.outputs = outputs;
    if (kind == ReductionKind::logit) reduction.logit = outputs - 1;
    return reduction;
}

/// R random rows E of C outputs for each of `samples` samples.
inline Reduction make_rows(Index samples, Index R, Index outputs, std::uint64_t seed) {
    Reduction reduction;
    reduction.kind = ReductionKind::rows;
    reduction.outputs = outputs;
    reduction.rows_of_sample = R;
    reduction.by_sample = std::make_shared<const Matrix<double>>(random_samples(samples * R, outputs, seed));
    return reduction;
}

/// All but `rows`.
inline const std::vector<ReductionKind>& all_reductions() {
    static const std::vector<ReductionKind> kinds{ReductionKind::trace, ReductionKind::mean,
                                                  ReductionKind::sum, ReductionKind::full,
                                                  ReductionKind::logit};
    return kinds;
}

}  // namespace tangram::test
