#include "tangram/network/joined.hpp"

#include <fmt/format.h>

#include <cassert>
#include <memory>
#include <utility>

namespace tangram {

namespace {

/// Appends a network to those that are there; returns the value of its outputs. `x`: the input of all.
Index append(Network network, const std::string& name, Index x, Network& all) {
    const auto first_tensor = static_cast<Index>(all.tensors.size());
    for (ParameterTensor& tensor : network.tensors) {
        tensor.name = fmt::format("{}, {}", name, tensor.name);
        all.tensors.push_back(std::move(tensor));
    }
    std::vector<Index> place(network.values.size(), x);  // [value of the network]: in all
    for (std::size_t v = 0; v < place.size(); ++v) {
        if (static_cast<Index>(v) == network.input) continue;
        place[v] = static_cast<Index>(all.values.size());
        all.values.push_back(std::move(network.values[v]));
    }
    for (Node& node : network.nodes) {
        node.name = fmt::format("{}, {}", name, node.name);
        for (Index& input : node.inputs) input = place[at(input)];
        for (Index& tensor : node.tensors) tensor += first_tensor;
        node.output = place[at(node.output)];
        all.nodes.push_back(std::move(node));
    }
    return place[at(network.output)];
}

/// An operator, or what it takes, that is another in b. Constants and weights may be others.
std::optional<std::string> difference_of_graphs(const Network& a, const Network& b) {
    if (a.nodes.size() != b.nodes.size())
        return fmt::format("{} operators against {}", b.nodes.size(), a.nodes.size());
    for (std::size_t k = 0; k < a.nodes.size(); ++k) {
        const Node& x = a.nodes[k];
        const Node& y = b.nodes[k];
        const std::string in_a = function_of(x.op), in_b = function_of(y.op);
        if (in_a != in_b) return fmt::format("{} in place of {} ({})", in_b, in_a, y.name);
        if (x.inputs != y.inputs || x.tensors != y.tensors || x.output != y.output)
            return fmt::format("{} ({}) takes other values", in_b, y.name);
    }
    return std::nullopt;
}

/// (f_1, .., f_K)
Index concatenate(const std::vector<Index>& outputs, Network& network) {
    Index size = 0;
    for (const Index output : outputs) size += network.values[at(output)].size;
    Arrangement one_after_the_other;
    for (Index j = 0; j < size; ++j) one_after_the_other.from.push_back(j);
    return add_node(network, Arrange{std::make_shared<const Arrangement>(std::move(one_after_the_other))},
                    "outputs of all models", outputs, {}, size);
}

}  // namespace

std::optional<std::string> difference_of_architecture(const Network& a, const Network& b) {
    if (a.inputs() != b.inputs()) return fmt::format("{} inputs against {}", b.inputs(), a.inputs());
    if (a.outputs() != b.outputs()) return fmt::format("{} outputs against {}", b.outputs(), a.outputs());
    for (std::size_t t = 0; t < a.tensors.size() || t < b.tensors.size(); ++t) {
        if (t == b.tensors.size()) return fmt::format("{} is missing", describe(a.tensors[t]));
        if (t == a.tensors.size()) return fmt::format("{} is one more", describe(b.tensors[t]));
        const std::string in_a = describe(a.tensors[t]), in_b = describe(b.tensors[t]);
        if (in_a != in_b) return fmt::format("{} in place of {}", in_b, in_a);
    }
    return difference_of_graphs(a, b);
}

Network join(std::vector<Network> networks, const std::vector<std::string>& names) {
    assert(!networks.empty() && names.size() == networks.size());
    if (networks.size() == 1) return std::move(networks.front());
    const Network& first = networks.front();
    Network all{{first.values[at(first.input)]}, {}, {}, 0, 0, first.exact_inputs};
    std::vector<Index> outputs;
    for (std::size_t s = 0; s < networks.size(); ++s)
        outputs.push_back(append(std::move(networks[s]), names[s], all.input, all));
    all.output = concatenate(outputs, all);
    return all;
}

Reduction join(const Reduction& of_one, Index networks) {
    if (networks == 1) return of_one;
    Reduction all{.kind = of_one.kind, .outputs = networks * of_one.outputs};
    all.joined = std::make_shared<const Reduction>(of_one);
    return all;
}

}  // namespace tangram
