#pragma once
// A small ONNX model to spoil: y = relu(x w + b), with a Constant that is not used.

#include "temporary_file.hpp"

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace tangram::test {

inline onnx::NodeProto& add_node(onnx::GraphProto& graph, const std::string& name, const std::string& op_type,
                                 const std::vector<std::string>& inputs, const std::string& output) {
    onnx::NodeProto& node = *graph.add_node();
    node.set_name(name);
    node.set_op_type(op_type);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    return node;
}

inline onnx::TensorProto& add_floats(onnx::GraphProto& graph, const std::string& name,
                                     const std::vector<std::int64_t>& dims,
                                     const std::vector<float>& values) {
    onnx::TensorProto& tensor = *graph.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t dim : dims) tensor.add_dims(dim);
    for (const float value : values) tensor.add_float_data(value);
    return tensor;
}

inline void add_value(onnx::ValueInfoProto& value, const std::string& name, std::int64_t size) {
    value.set_name(name);
    auto& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("batch");
    type.mutable_shape()->add_dim()->set_dim_value(size);
}

/// Initializers 0: w (2, 3), 1: b (3). Nodes 0: product (MatMul), 1: sum (Add), 2: bend (Relu), 3: unused (Constant).
inline onnx::ModelProto small_model() {
    onnx::ModelProto model;
    model.set_ir_version(8);
    model.set_producer_name("by hand");
    model.add_opset_import()->set_version(17);
    onnx::GraphProto& graph = *model.mutable_graph();
    graph.set_name("small");
    add_value(*graph.add_input(), "x", 2);
    add_value(*graph.add_output(), "y", 3);
    add_floats(graph, "w", {2, 3}, {1, 2, 3, 4, 5, 6});
    add_floats(graph, "b", {3}, {0.5F, -0.5F, 0.25F});
    add_node(graph, "product", "MatMul", {"x", "w"}, "xw");
    add_node(graph, "sum", "Add", {"xw", "b"}, "z");
    add_node(graph, "bend", "Relu", {"z"}, "y");
    onnx::AttributeProto& value = *add_node(graph, "unused", "Constant", {}, "c").add_attribute();
    value.set_name("value");
    value.set_type(onnx::AttributeProto::TENSOR);
    value.mutable_t()->set_data_type(onnx::TensorProto::INT64);
    value.mutable_t()->add_int64_data(7);
    return model;
}

}  // namespace tangram::test
