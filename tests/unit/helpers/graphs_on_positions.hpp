#pragma once
// Networks whose weights meet several positions of a sample: convolutions and products, of sizes that make every form of
// gradient.

#include "random_networks.hpp"

namespace tangram::test {

/// A weight (units, unit_size) that comes in as a value.
inline Index add_weight(Network& network, const std::string& name, Index units, Index unit_size,
                        std::uint64_t seed) {
    Matrix<double> theta(units, unit_size);
    fill_random(theta.view(), seed);
    const Index t = add_tensor(network, name, {units, unit_size}, std::move(theta));
    return add_node(network, Parameter{}, name, {}, {t}, units * unit_size);
}

inline Index add_convolution(Network& network, const std::string& name, Index x, const Convolve& op,
                             std::uint64_t seed) {
    Index taps = 1, positions = 1;
    for (const Index k : op.kernel) taps *= k;
    for (const Index p : op.out) positions *= p;
    const Index w = add_weight(network, name, op.out_channels, op.in_channels / op.groups * taps, seed);
    return add_node(network, op, name, {x, w}, {}, op.out_channels * positions);
}

/// x (rows, inner) times a weight that lies as (inner, cols), or (cols, inner).
inline Index add_product_on_rows(Network& network, const std::string& name, Index x, const MatMul& op,
                                 std::uint64_t seed) {
    const Index w = op.b_transposed ? add_weight(network, name, op.cols, op.inner, seed)
                                    : add_weight(network, name, op.inner, op.cols, seed);
    return add_node(network, op, name, {x, w}, {}, op.rows * op.cols);
}

/// (4, 2, 2) - convolutions in one group and in two, with a stride, with pairs of pixels in one group and in two,
/// one-dimensional with dilation, in three groups on one position - products on two rows, the weight lying both ways - a layer
/// of 3. Their forms, for up to three rows: made, made, pairs (pixels), pairs (pixels), pairs, pairs, made, pairs, outer.
inline Network random_on_positions(std::uint64_t seed) {
    Network network;
    network.values.push_back({"input", 16});
    const auto next = [&seed] { return seed++; };
    Index x = add_convolution(network, "conv1", 0, {4, 8, 1, {2, 2}, {3, 3}, {4, 4}, {1, 1}, {1, 1}, {2, 2}},
                              next());
    x = add_activation(network, "tanh", x, 1);
    x = add_convolution(network, "conv2", x, {8, 6, 2, {4, 4}, {3, 3}, {2, 2}, {2, 2}, {1, 1}, {1, 1}},
                        next());
    x = add_activation(network, "tanh", x, 1);
    x = add_convolution(network, "pixels1", x, {6, 16, 1, {2, 2}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
                        next());
    x = add_activation(network, "tanh", x, 1);
    x = add_convolution(network, "pixels2", x, {16, 16, 2, {2, 2}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
                        next());
    x = add_activation(network, "tanh", x, 1);
    x = add_convolution(network, "conv3", x, {16, 9, 1, {4}, {2}, {2}, {1}, {2}, {0}}, next());
    x = add_activation(network, "tanh", x, 1);
    x = add_convolution(network, "conv4", x, {9, 6, 3, {2}, {2}, {1}, {1}, {1}, {0}}, next());
    x = add_product_on_rows(network, "product1", x, {2, 3, 9, false, false, 1, {0}, {0}}, next());
    x = add_activation(network, "tanh", x, 1);
    x = add_product_on_rows(network, "product2", x, {2, 9, 10, false, true, 0.7, {0}, {0}}, next());
    x = add_activation(network, "tanh", x, 1);
    network.output = add_random_dense(network, "head", x, 3, next());
    return network;
}

}  // namespace tangram::test
