#include "tangram/network/operations.hpp"

#include <algorithm>

namespace tangram {

namespace {

double product(const std::vector<Index>& extents) {
    double all = 1;
    for (const Index extent : extents) all *= static_cast<double>(extent);
    return all;
}

double entries_of(const Network& network, Index value) {
    return static_cast<double>(network.values[at(value)].size);
}

}  // namespace

NodeWork work_of(const Network& network, const Node& node) {
    const double outputs = entries_of(network, node.output);
    if (std::holds_alternative<Dense>(node.op))
        return {outputs * entries_of(network, node.inputs.front()), outputs};
    if (const auto* matmul = std::get_if<MatMul>(&node.op))
        return {outputs * static_cast<double>(matmul->inner), outputs};
    if (const auto* op = std::get_if<Convolve>(&node.op)) {
        const Index channels = op->in_channels / op->groups;
        return {outputs * static_cast<double>(channels) * product(op->kernel), outputs};
    }
    double entries = outputs;
    for (const Index input : node.inputs) entries = std::max(entries, entries_of(network, input));
    return {0, entries};
}

double forward_products(const Network& network) {
    double products = 0;
    for (const Node& node : network.nodes) {
        if (!network.values[at(node.output)].shared) products += work_of(network, node).products;
    }
    return products;
}

bool is_dense_chain(const Network& network) {
    return std::all_of(network.nodes.begin(), network.nodes.end(), [](const Node& node) {
        return std::holds_alternative<Dense>(node.op) || std::holds_alternative<Activate>(node.op) ||
               std::holds_alternative<Softmax>(node.op);
    });
}

}  // namespace tangram
