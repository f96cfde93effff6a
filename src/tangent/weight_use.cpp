#include "tangram/tangent/weight_use.hpp"

#include "tangram/support/error.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// The node that takes a value, where that is its only use.
std::optional<Index> sole_consumer(const Network& network, Index value) {
    std::optional<Index> consumer;
    Index uses = value == network.output ? 1 : 0;
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        const std::vector<Index>& inputs = network.nodes[k].inputs;
        const auto taken = static_cast<Index>(std::count(inputs.begin(), inputs.end(), value));
        if (taken > 0) consumer = static_cast<Index>(k);
        uses += taken;
    }
    return uses == 1 ? consumer : std::nullopt;
}

/// Every row of A, whichever matrix of it, meets the one B.
bool is_weight(const MatMul& op) {
    for (Index b = 0; b < op.batches(); ++b) {
        if (op.a_of[at(b)] != b || op.b_of[at(b)] != 0) return false;
    }
    return !op.a_transposed;
}

std::optional<WeightUseSizes> sizes_of(const Node& node) {
    if (const auto* op = std::get_if<Convolve>(&node.op)) {
        return WeightUseSizes{0,
                              op->groups,
                              op->in_channels / op->groups * entries_of(op->kernel),
                              op->out_channels / op->groups,
                              entries_of(op->out),
                              entries_of(op->in),
                              entries_of(op->kernel),
                              1};
    }
    if (const auto* op = std::get_if<MatMul>(&node.op); op != nullptr && is_weight(*op)) {
        const Index positions = op->batches() * op->rows;
        return WeightUseSizes{0, 1, op->inner, op->cols, positions, positions, 1, op->scale};
    }
    return std::nullopt;
}

}  // namespace

std::optional<WeightUseSizes> sole_use_of(const Network& network, Index parameter) {
    const auto number = sole_consumer(network, parameter);
    if (!number) return std::nullopt;
    const Node& node = network.nodes[at(*number)];
    if (node.inputs.size() != 2 || node.inputs[1] != parameter) return std::nullopt;
    if (network.values[at(node.inputs[0])].shared) return std::nullopt;
    auto sizes = sizes_of(node);
    if (sizes) sizes->node = *number;
    return sizes;
}

WeightUse weight_use_of(const Network& network, Index number) {
    const Node& node = network.nodes[at(number)];
    const auto sizes = sizes_of(node);
    if (!sizes) fail(ExitCode::failed, "{} uses no weight", name_of(node.op));
    WeightUse use{sizes->groups, sizes->d_in, sizes->d_out, sizes->positions, sizes->scale, false, false, {}};
    if (const auto* op = std::get_if<Convolve>(&node.op)) {
        use.patches = patches_of(*op);
    } else {
        use.by_position = true;
        use.lies_by_input = !std::get<MatMul>(node.op).b_transposed;
    }
    return use;
}

}  // namespace tangram
