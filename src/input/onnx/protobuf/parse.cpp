// A message of an ONNX file as plain data, once all of it is known to be something that is read.

#include "../node_order.hpp"
#include "messages.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace tangram::onnx_file {

namespace {

constexpr std::int64_t first_opset = 9, last_opset = 21;

bool is_own_domain(const std::string& domain) {
    return domain.empty() || domain == "ai.onnx";
}

std::int64_t opset_of(const Place& place, const onnx::ModelProto& model) {
    const std::string advice =
        fmt::format("export the model with an opset from {} to {}", first_opset, last_opset);
    std::set<std::int64_t> versions;
    for (const onnx::OperatorSetIdProto& set : model.opset_import()) {
        if (is_own_domain(set.domain())) versions.insert(set.version());
    }
    if (versions.empty()) refuse(place, "it names no opset", advice);
    if (versions.size() > 1)
        refuse(place, fmt::format("it names two opsets, {} and {}", *versions.begin(), *versions.rbegin()),
               advice);
    const std::int64_t opset = *versions.begin();
    if (opset < first_opset || opset > last_opset)
        refuse(place, fmt::format("opset {} is not read", opset), advice);
    return opset;
}

/// Parts of the format that this program has no use for.
void check_parts(const Place& place, const onnx::ModelProto& model) {
    const onnx::GraphProto& graph = model.graph();
    if (!model.has_graph()) refuse(place, "it has no graph", "is this an ONNX file?");
    if (model.functions_size() > 0)
        refuse({place.path, fmt::format("function '{}'", printable(model.functions(0).name()))},
               "functions are not read", "export the model with its functions inlined");
    if (graph.sparse_initializer_size() > 0)
        refuse(place_of(place.path, graph.sparse_initializer(0).values()), "sparse tensors are not read",
               "store it dense");
    if (graph.quantization_annotation_size() > 0) {
        refuse({place.path,
                fmt::format("tensor '{}'", printable(graph.quantization_annotation(0).tensor_name()))},
               "quantized tensors are not read", "export the model before it is quantized");
    }
    if (graph.output_size() == 0) refuse(place, "its graph has no outputs");
}

const char* kind_of(const onnx::TypeProto& type) {
    switch (type.value_case()) {
        case onnx::TypeProto::kSequenceType:
            return "sequence";
        case onnx::TypeProto::kMapType:
            return "map";
        case onnx::TypeProto::kOptionalType:
            return "optional";
        default:
            return "sparse tensor";
    }
}

/// -1 where the size is given by name, or not at all, or as -1, as some exporters have it.
std::vector<Index> shape_of(const Place& place, const onnx::TensorShapeProto& shape) {
    if (shape.dim_size() > most_axes)
        refuse(place,
               fmt::format("it has {} axes, more than the {} that are read", shape.dim_size(), most_axes));
    std::vector<Index> sizes;
    for (const onnx::TensorShapeProto::Dimension& dim : shape.dim()) {
        sizes.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
        if (sizes.back() < -1)
            refuse(place, fmt::format("the shape {} has a negative size", shape_text(sizes)));
    }
    return sizes;
}

ValueInfo read_value(const std::string& path, const char* kind, const onnx::ValueInfoProto& message) {
    const Place place{path, fmt::format("{} '{}'", kind, printable(message.name()))};
    if (message.name().empty()) refuse(place, "it has no name");
    ValueInfo value;
    value.name = message.name();
    const onnx::TypeProto& type = message.type();
    if (type.value_case() == onnx::TypeProto::VALUE_NOT_SET) return value;
    if (!type.has_tensor_type())
        refuse(place, fmt::format("it is a {}, which is not read", kind_of(type)),
               "export a model of tensors");
    if (type.tensor_type().has_elem_type()) value.type = type_of(place, type.tensor_type().elem_type());
    value.has_shape = type.tensor_type().has_shape();
    value.shape = shape_of(place, type.tensor_type().shape());
    return value;
}

Node read_node(const std::string& path, const onnx::NodeProto& message) {
    Node node = node_head(message);
    const Place place{path, place_of(node)};
    if (node.op_type.empty()) refuse(place, "it names no operator");
    if (!is_own_domain(node.domain))
        refuse(place, fmt::format("operators of the domain '{}' are not read", printable(node.domain)),
               "export the model with ONNX's own operators");
    for (const onnx::AttributeProto& attribute : message.attribute()) {
        const Place here = place_of(path, node, attribute);
        if (!node.attributes.emplace(attribute.name(), read_attribute(here, attribute)).second)
            refuse(here, "the node has it twice");
    }
    return node;
}

/// Each message is given up for what it becomes, so that the numbers are not in memory twice.
void read_graph(Model& model, onnx::GraphProto& graph) {
    std::set<std::string> constants;
    for (onnx::TensorProto& message : *graph.mutable_initializer()) {
        const onnx::TensorProto tensor = std::move(message);
        const Place place = place_of(model.path, tensor);
        if (tensor.name().empty()) refuse(place, "it has no name");
        if (!constants.insert(tensor.name()).second) refuse(place, "another initializer has the same name");
        model.initializers.push_back(read_tensor(place, tensor));
    }
    for (const onnx::ValueInfoProto& input : graph.input()) {
        if (!constants.contains(input.name())) model.inputs.push_back(read_value(model.path, "input", input));
    }
    for (const onnx::ValueInfoProto& output : graph.output())
        model.outputs.push_back(read_value(model.path, "output", output));
    for (onnx::NodeProto& message : *graph.mutable_node()) {
        const onnx::NodeProto node = std::move(message);
        model.nodes.push_back(read_node(model.path, node));
    }
}

}  // namespace

Model parse(const std::string& path, const std::string& bytes) {
    onnx::ModelProto message = read_message(path, bytes);
    const Place place{path, "the model"};
    check_parts(place, message);
    Model model;
    model.path = path;
    model.ir_version = message.ir_version();
    model.opset = opset_of(place, message);
    model.producer = message.producer_name();
    for (const onnx::StringStringEntryProto& entry : message.metadata_props())
        model.metadata.emplace(entry.key(), entry.value());
    read_graph(model, *message.mutable_graph());
    order_nodes(model);
    return model;
}

}  // namespace tangram::onnx_file
