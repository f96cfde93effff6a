#include "lowered_model.hpp"

#include "lowering.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>

namespace tangram::onnx_file {

namespace {

/// Entries of constants and tables that are made while a file is read, beside four for each entry of its initializers: a few
/// bytes must not ask for all of the memory.
constexpr Index most_made = Index{1} << 28;

/// The values of the file by name while they become the network's.
struct Reading {
    const Model& model;
    const std::set<std::string>& parameters;
    LoweredModel& lowered;
    Builder builder{lowered.network, "", {}};
    std::map<std::string, Index> initializers{};  ///< by name, in Model::initializers
    Index may_make = most_made;                   ///< entries, from here on
};

Type type_of(SampleKind kind) {
    return kind == SampleKind::integers   ? Type::integer
           : kind == SampleKind::booleans ? Type::boolean
                                          : Type::number;
}

/// Each its part of the network's one.
void add_inputs(Reading& reading, const std::vector<GraphInput>& inputs) {
    Index size = 0;
    for (const GraphInput& input : inputs) size += count(input.shape);
    Network& network = reading.builder.network;
    network.values.push_back({"input", size});
    const Operand all{{size}, Type::number, nullptr, network.input};
    Index first = 0;
    for (const GraphInput& input : inputs) {
        const Index entries = count(input.shape);
        reading.builder.name = input.name;
        if (inputs.size() == 1) {
            reading.lowered.values[input.name] = reshaped(all, input.shape);
        } else {
            std::vector<Index> from(at(entries));
            for (Index k = 0; k < entries; ++k) from[at(k)] = first + k;
            reading.lowered.values[input.name] =
                arrange(reading.builder, std::array{all}, std::move(from), input.shape);
        }
        reading.lowered.values[input.name].type = type_of(input.kind);
        network.exact_inputs.resize(at(first + entries), input.kind != SampleKind::numbers);
        first += entries;
    }
}

/// A parameter tensor as a value, or the numbers of one that is none.
Operand operand_of(Reading& reading, const Tensor& tensor) {
    if (!reading.parameters.contains(tensor.name)) return constant(tensor.shape, tensor.values, tensor.type);
    for (std::size_t k = 0; k < tensor.values.size(); ++k) {
        if (std::isfinite(tensor.values[k])) continue;
        fail(ExitCode::bad_input,
             "the weights hold {} at entry {} ({}:{}, {}): train or export the model again", tensor.values[k],
             k, reading.model.path, printable(tensor.name), shape_text(tensor.shape));
    }
    Network& network = reading.builder.network;
    const Index size = count(tensor.shape);
    const Index units = tensor.shape.empty() ? 1 : std::max<Index>(tensor.shape.front(), 1);
    Matrix<double> values(units, size / units);
    std::copy(tensor.values.begin(), tensor.values.end(), values.data());
    const Index index = add_tensor(network, tensor.name, tensor.shape, std::move(values));
    const Index value = add_node(network, Parameter{}, tensor.name, {}, {index}, size);
    reading.builder.parameters[value] = index;
    return {tensor.shape, Type::number, nullptr, value};
}

/// A value by its name; an initializer comes in at its first use.
std::optional<Operand> find(Reading& reading, const std::string& name) {
    if (name.empty()) return std::nullopt;
    const auto known = reading.lowered.values.find(name);
    if (known != reading.lowered.values.end()) return known->second;
    const auto tensor = reading.initializers.find(name);
    if (tensor == reading.initializers.end())
        fail(ExitCode::bad_input, "nothing gives the value {} ({})", printable(name), reading.model.path);
    return reading.lowered.values[name] = operand_of(reading, reading.model.initializers[at(tensor->second)]);
}

/// Entries of the table, or of the numbers, that an operator keeps.
Index kept_entries(const Operator& op) {
    if (const auto* arrange = std::get_if<Arrange>(&op))
        return static_cast<Index>(arrange->table->from.size());
    if (const auto* combine = std::get_if<Combine>(&op))
        return static_cast<Index>(combine->windows->from.size());
    if (const auto* largest = std::get_if<Largest>(&op))
        return static_cast<Index>(largest->windows->from.size());
    if (const auto* constant = std::get_if<Constant>(&op))
        return static_cast<Index>(constant->values->size());
    return 1;
}

/// Takes what the node has made from what may be made; nodes of the network from `first` on are its.
void count_what_is_made(Reading& reading, const Lowering& lowering, std::size_t first) {
    const std::vector<tangram::Node>& nodes = reading.lowered.network.nodes;
    for (std::size_t k = first; k < nodes.size(); ++k) reading.may_make -= kept_entries(nodes[k].op);
    for (const Operand& output : lowering.outputs) {
        const bool is_new =
            std::none_of(lowering.inputs.begin(), lowering.inputs.end(),
                         [&](const auto& input) { return input && input->constant == output.constant; });
        if (output.is_constant() && is_new) reading.may_make -= static_cast<Index>(output.constant->size());
    }
    if (reading.may_make < 0) {
        refuse(lowering, "with what this node makes, constants and tables take more than is read",
               "export the model with its constants folded, or for smaller samples");
    }
}

/// One node; a line of the table.
TableRow read_node(Reading& reading, const Node& node) {
    const Network& network = reading.builder.network;
    const std::size_t tensors_before = network.tensors.size();
    const std::size_t nodes_before = network.nodes.size();
    reading.builder.name = node.name.empty() ? node.outputs.front() : node.name;
    Lowering lowering{reading.builder, node, reading.model.opset, reading.model.path, {}, {}};
    for (const std::string& input : node.inputs) lowering.inputs.push_back(find(reading, input));
    lower(lowering);
    count_what_is_made(reading, lowering, nodes_before);
    for (std::size_t k = 0; k < node.outputs.size() && k < lowering.outputs.size(); ++k) {
        if (!node.outputs[k].empty()) reading.lowered.values[node.outputs[k]] = lowering.outputs[k];
    }
    TableRow row{reading.builder.name, node.op_type, {}, {}};
    if (!lowering.outputs.empty() && !lowering.outputs.front().is_constant())
        row.shape = lowering.outputs.front().shape;
    for (std::size_t t = tensors_before; t < network.tensors.size(); ++t)
        row.tensors.push_back(describe(network.tensors[t]));
    return row;
}

}  // namespace

LoweredModel lower_model(const Model& model, const std::vector<GraphInput>& inputs,
                         const std::vector<const Node*>& nodes, const std::set<std::string>& parameters) {
    LoweredModel lowered;
    Reading reading{model, parameters, lowered};
    for (const Tensor& tensor : model.initializers) {
        reading.initializers.emplace(tensor.name, static_cast<Index>(reading.initializers.size()));
        reading.may_make += 4 * static_cast<Index>(tensor.values.size());
    }
    add_inputs(reading, inputs);
    for (const Node* node : nodes) lowered.rows.push_back(read_node(reading, *node));
    return lowered;
}

}  // namespace tangram::onnx_file
