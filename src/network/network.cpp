#include "tangram/network/network.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace tangram {

Index Network::parameters() const {
    Index total = 0;
    for (const ParameterTensor& tensor : tensors) total += tensor.size();
    return total;
}

Network copy_of(const Network& network) {
    Network copy{network.values,
                 {},
                 network.nodes,
                 network.input,
                 network.output,
                 network.exact_inputs,
                 network.gradients_are_given};
    for (const ParameterTensor& tensor : network.tensors) {
        Matrix<double> values(tensor.units(), tensor.unit_size());
        std::copy_n(tensor.values.data(), tensor.size(), values.data());
        copy.tensors.push_back({tensor.name, tensor.shape, std::move(values)});
    }
    return copy;
}

Index add_node(Network& network, Operator op, const std::string& name, std::vector<Index> inputs,
               std::vector<Index> tensors, Index size) {
    const auto output = static_cast<Index>(network.values.size());
    assert(
        std::all_of(inputs.begin(), inputs.end(), [&](Index input) { return input >= 0 && input < output; }));
    assert(std::all_of(tensors.begin(), tensors.end(),
                       [&](Index tensor) { return at(tensor) < network.tensors.size(); }));
    const bool shared = std::all_of(inputs.begin(), inputs.end(),
                                    [&](Index input) { return network.values[at(input)].shared; });
    network.values.push_back({name, size, shared});
    network.nodes.push_back({std::move(op), name, std::move(inputs), std::move(tensors), output});
    return output;
}

Index add_tensor(Network& network, const std::string& name, std::vector<Index> shape, Matrix<double> values) {
    network.tensors.push_back({name, std::move(shape), std::move(values)});
    return static_cast<Index>(network.tensors.size()) - 1;
}

const Node* producer_of(const Network& network, Index value) {
    const auto found = std::find_if(network.nodes.begin(), network.nodes.end(),
                                    [&](const Node& node) { return node.output == value; });
    return found == network.nodes.end() ? nullptr : &*found;
}

std::vector<bool> depends_on_tensors(const Network& network) {
    std::vector<bool> depends(network.values.size(), false);
    for (const Node& node : network.nodes) {
        depends[at(node.output)] =
            !node.tensors.empty() || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                 [&](Index input) { return depends[at(input)]; });
    }
    return depends;
}

std::string output_operator(const Network& network) {
    const Node* last = producer_of(network, network.output);
    return last == nullptr ? "identity" : function_of(last->op);
}

std::vector<Index> layers_of(const Network& network) {
    std::vector<Index> layers;
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        if (!network.nodes[k].tensors.empty()) layers.push_back(static_cast<Index>(k));
    }
    return layers;
}

const Node& layer_of_value(const Network& network, Index value) {
    for (const Node* node = producer_of(network, value); node != nullptr;
         node = producer_of(network, node->inputs.front())) {
        if (!node->tensors.empty()) return *node;
        if (node->inputs.empty()) break;
    }
    return network.nodes[at(layers_of(network).front())];
}

std::string describe(const ParameterTensor& tensor) {
    return fmt::format("{}, ({})", tensor.name, fmt::join(tensor.shape, ", "));
}

}  // namespace tangram
