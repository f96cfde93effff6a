// From an ONNX file to a network: which tensors are parameters, which nodes count, the output; then what leads nowhere is
// dropped and layers are recognised.

#include "tangram/input/graph.hpp"

#include "lowered_model.hpp"
#include "reading.hpp"
#include "shape.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"
#include "tensor_roles.hpp"
#include "tidy.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace tangram {

namespace onnx_file {

namespace {

/// For one sample, or a batch of them: the first axis is the batch's, dynamic or 1.
Shape shape_of_input(const Model& model, const ValueInfo& input, Index batch) {
    Shape shape = input.shape;
    const std::string given = fmt::format("input {} of {}", printable(input.name), shape_text(input.shape));
    if (!input.has_shape || shape.empty()) {
        fail(ExitCode::bad_input, "the model says no shape of its input {}: export it with one ({})",
             printable(input.name), model.path);
    }
    if (shape.front() != -1 && shape.front() != 1) {
        fail(ExitCode::bad_input,
             "{} is made for batches of {} ({}): export it with a first axis that is dynamic, or 1", given,
             shape.front(), model.path);
    }
    shape.front() = batch;
    for (std::size_t axis = 1; axis < shape.size(); ++axis) {
        if (shape[axis] > 0) continue;
        fail(
            ExitCode::bad_input,
            "axis {} of {} has no fixed length ({}): only the first may be dynamic: export it with the samples' own shape",
            axis, given, model.path);
    }
    try {
        count(shape);
    } catch (const ShapeError& error) {
        fail(ExitCode::bad_input, "{} is too large ({}): {}", given, model.path, error.advice());
    }
    return shape;
}

SampleKind kind_of(Type type) {
    return type == Type::integer   ? SampleKind::integers
           : type == Type::boolean ? SampleKind::booleans
                                   : SampleKind::numbers;
}

std::vector<GraphInput> inputs_of(const Model& model, Index batch) {
    std::vector<GraphInput> inputs;
    for (const ValueInfo& input : model.inputs)
        inputs.push_back({input.name, shape_of_input(model, input, batch), kind_of(input.type)});
    if (inputs.empty()) fail(ExitCode::bad_input, "the model has no input ({})", model.path);
    return inputs;
}

/// The value that the kernel is of.
std::string chosen_output(const Model& model, const GraphOptions& options) {
    if (!options.value.empty()) return options.value;
    if (model.outputs.size() == 1) return model.outputs.front().name;
    std::vector<std::string> names;
    for (const ValueInfo& output : model.outputs) names.push_back(printable(output.name));
    fail(ExitCode::bad_input,
         "the model has {} outputs ({}): give the one whose kernel it is by --value NAME ({})", names.size(),
         fmt::join(names, ", "), model.path);
}

/// The nodes that the output needs, in order.
std::vector<const Node*> needed_nodes(const Model& model, const std::string& output) {
    std::set<std::string> needed{output};
    std::vector<const Node*> nodes;
    for (auto node = model.nodes.rbegin(); node != model.nodes.rend(); ++node) {
        const bool is_needed = std::any_of(node->outputs.begin(), node->outputs.end(),
                                           [&](const std::string& name) { return needed.contains(name); });
        if (!is_needed) continue;
        needed.insert(node->inputs.begin(), node->inputs.end());
        nodes.push_back(&*node);
    }
    std::reverse(nodes.begin(), nodes.end());
    return nodes;
}

/// The kernel's value, which the samples must reach.
void choose_output(LoweredModel& lowered, const std::string& name, const Model& model) {
    const auto found = lowered.values.find(name);
    const bool is_initializer = std::any_of(model.initializers.begin(), model.initializers.end(),
                                            [&](const Tensor& tensor) { return tensor.name == name; });
    if (found == lowered.values.end() && !is_initializer) {
        fail(ExitCode::usage,
             "no value of the model is called {} ({}): --value takes the name of an output of some node",
             printable(name), model.path);
    }
    Network& network = lowered.network;
    if (is_initializer || found->second.is_constant() || network.values[at(found->second.value)].shared) {
        fail(ExitCode::bad_input,
             "the value {} does not depend on the samples ({}): choose one that does by --value NAME",
             printable(name), model.path);
    }
    network.output = found->second.value;
    network.values[at(network.output)].name = name;
}

/// Whether what goes in there has a derivative.
bool has_derivative(const Operator& op, std::size_t input) {
    if (std::holds_alternative<Compare>(op)) return false;
    if (const auto* apply = std::get_if<Apply>(&op)) return !is_staircase(apply->f);
    const bool is_choice = std::holds_alternative<Choose>(op) || std::holds_alternative<Lookup>(op);
    return !is_choice || input > 0;
}

/// Tensors that the output depends on by comparisons and the like alone, as a mask of numbers does.
std::vector<std::string> tensors_without_derivative(const Network& network) {
    std::vector<bool> leads(network.values.size(), false), has_path(network.values.size(), false);
    leads[at(network.output)] = has_path[at(network.output)] = true;
    std::vector<std::string> names;
    for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
        if (!leads[at(node->output)]) continue;
        const bool has = has_path[at(node->output)];
        for (const Index tensor : node->tensors) {
            if (!has) names.push_back(network.tensors[at(tensor)].name);
        }
        for (std::size_t k = 0; k < node->inputs.size(); ++k) {
            const auto input = at(node->inputs[k]);
            leads[input] = true;
            if (has && has_derivative(node->op, k)) has_path[input] = true;
        }
    }
    return names;
}

/// Tensors without a derivative are no parameters: with them as constants, what they decide is settled.
LoweredModel lower_parameters(const Model& model, const std::vector<GraphInput>& inputs,
                              const std::vector<const Node*>& nodes, const std::string& output,
                              TensorRoles& roles) {
    LoweredModel lowered = lower_model(model, inputs, nodes, roles.parameters);
    choose_output(lowered, output, model);
    const std::vector<std::string> settled = tensors_without_derivative(lowered.network);
    if (settled.empty()) return lowered;
    for (const std::string& name : settled) {
        roles.parameters.erase(name);
        roles.notes.push_back(
            fmt::format("{} is compared only, and has no derivative: it is a constant", printable(name)));
    }
    return lower_parameters(model, inputs, nodes, output, roles);
}

}  // namespace

Reading read_model_file(const GraphFile& file, const GraphOptions& options) {
    Reading reading{with_tensors_of_their_own(parse(file.path, file.bytes)), {}, {}, {}};
    reading.output = chosen_output(reading.model, options);
    TensorRoles roles = roles_of_tensors(reading.model, needed_nodes(reading.model, reading.output), options);
    reading.parameters = std::move(roles.parameters);
    reading.notes = std::move(roles.notes);
    return reading;
}

Graph make_graph_of(const Reading& reading, Index batch) {
    const Model& model = reading.model;
    std::vector<GraphInput> inputs = inputs_of(model, batch);
    TensorRoles roles{reading.parameters, reading.notes};
    LoweredModel lowered =
        lower_parameters(model, inputs, needed_nodes(model, reading.output), reading.output, roles);
    tidy(lowered.network);
    if (lowered.network.tensors.empty()) {
        fail(
            ExitCode::bad_input,
            "no parameter tensor leads to {} ({}): nothing to take a kernel of: choose another value by --value NAME, or other tensors by --wrt, --frozen",
            printable(reading.output), model.path);
    }
    std::string description = to_table(lowered.rows, lowered.network);
    return {std::move(lowered.network), std::move(inputs), std::move(description), std::move(roles.notes)};
}

}  // namespace onnx_file

bool is_graph_file(const std::string& path) {
    if (path.ends_with(".onnx")) return true;
    if (!std::filesystem::is_regular_file(path)) return false;  // a pipe would be waited for
    std::ifstream file(path, std::ios::binary);
    std::string first(64, '\0');
    file.read(first.data(), static_cast<std::streamsize>(first.size()));
    first.resize(at(static_cast<Index>(file.gcount())));
    return onnx_file::looks_like_onnx(first);
}

GraphFile read_graph_file(const std::string& path) {
    onnx_file::Bytes bytes = onnx_file::read_bytes(path);
    return {path, std::move(bytes.model), std::move(bytes.external_files)};
}

Graph make_graph(const GraphFile& file, const GraphOptions& options, Index batch) {
    try {
        return onnx_file::make_graph_of(onnx_file::read_model_file(file, options), batch);
    } catch (const onnx_file::ShapeError& error) {  // of a tensor or an input; those of nodes are named there
        fail(ExitCode::bad_input, "{} ({}): {}", error.problem(), file.path, error.advice());
    }
}

}  // namespace tangram
