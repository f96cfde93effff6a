#include "paths.hpp"

#include <algorithm>

namespace tangram::reference {

namespace {

/// The values that lead to the output and come from a node that `begins`.
template <class Begins>
std::vector<bool> between(const Network& network, Begins begins) {
    const std::vector<bool> leads = leading_to_output(network);
    std::vector<bool> is_between(network.values.size(), false);
    for (const Node& node : network.nodes) {
        const bool is_behind = std::any_of(node.inputs.begin(), node.inputs.end(),
                                           [&](Index input) { return is_between[at(input)]; });
        is_between[at(node.output)] = leads[at(node.output)] && (is_behind || begins(node));
    }
    return is_between;
}

}  // namespace

std::vector<Use> uses_of(const Network& network, Index tensor) {
    std::vector<Use> uses;
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        const std::vector<Index>& tensors = network.nodes[k].tensors;
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            if (tensors[t] == tensor) uses.push_back({static_cast<Index>(k), t});
        }
    }
    return uses;
}

std::vector<bool> leading_to_output(const Network& network) {
    std::vector<bool> leads(network.values.size(), false);
    leads[at(network.output)] = true;
    for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
        if (!leads[at(node->output)]) continue;
        for (const Index input : node->inputs) leads[at(input)] = true;
    }
    return leads;
}

std::vector<bool> between_tensors_and_output(const Network& network) {
    return between(network, [](const Node& node) { return !node.tensors.empty(); });
}

std::vector<bool> between_some_tensors_and_output(const Network& network,
                                                  const std::function<bool(Index tensor)>& is_one) {
    return between(network, [&](const Node& node) {
        return std::any_of(node.tensors.begin(), node.tensors.end(), is_one);
    });
}

}  // namespace tangram::reference
