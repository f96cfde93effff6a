#pragma once
// ONNX models with their structure spoilt: any field another, or what a wrong model really has: values that are taken from
// elsewhere, other operators, axes and shapes, tensors laid out otherwise, numbers of shapes at the edges of their types.

#include "mutate.hpp"

#include <google/protobuf/descriptor.h>
#include <onnx/onnx_pb.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace tangram::test {

inline std::string onnx_fixture(const std::string& name) {
    std::ifstream file(TANGRAM_TEST_DATA "/onnx/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Sets field `field` of a message, or adds to it, a number at the edge of a type or a short text.
inline void spoil_value(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                        Random& random) {
    static constexpr std::array<std::int64_t, 10> edges{
        0, 1, -1, 7, 300, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 40};
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    const std::int64_t number = edges[random.below(edges.size())];
    const auto put = [&](auto set, auto add, auto value) {
        if (field.is_repeated())
            (reflection.*add)(&message, &field, value);
        else
            (reflection.*set)(&message, &field, value);
    };
    using R = google::protobuf::Reflection;
    switch (field.cpp_type()) {
        case google::protobuf::FieldDescriptor::CPPTYPE_INT32:
            return put(&R::SetInt32, &R::AddInt32, static_cast<std::int32_t>(number));
        case google::protobuf::FieldDescriptor::CPPTYPE_INT64:
            return put(&R::SetInt64, &R::AddInt64, number);
        case google::protobuf::FieldDescriptor::CPPTYPE_UINT64:
            return put(&R::SetUInt64, &R::AddUInt64, static_cast<std::uint64_t>(number));
        case google::protobuf::FieldDescriptor::CPPTYPE_FLOAT:
            return put(&R::SetFloat, &R::AddFloat, static_cast<float>(number));
        case google::protobuf::FieldDescriptor::CPPTYPE_DOUBLE:
            return put(&R::SetDouble, &R::AddDouble, static_cast<double>(number));
        case google::protobuf::FieldDescriptor::CPPTYPE_ENUM:
            return put(&R::SetEnumValue, &R::AddEnumValue, static_cast<int>(random.below(16)));
        case google::protobuf::FieldDescriptor::CPPTYPE_STRING:
            return put(&R::SetString, &R::AddString,
                       std::string(random.below(9), static_cast<char>(random.below(256))));
        default:
            return;
    }
}

/// One field of the message, or of one in it, is another, gone, there, or in another place of its list.
inline void spoil(google::protobuf::Message& message, Random& random) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    const auto n_fields = static_cast<std::size_t>(message.GetDescriptor()->field_count());
    const google::protobuf::FieldDescriptor& field =
        *message.GetDescriptor()->field(static_cast<int>(random.below(n_fields)));
    const int n =
        field.is_repeated() ? reflection.FieldSize(message, &field) : reflection.HasField(message, &field);
    const auto any = [&] { return static_cast<int>(random.below(static_cast<std::size_t>(n))); };
    const std::size_t way = random.below(8);
    if (way == 0) return reflection.ClearField(&message, &field);
    if (way == 1 && field.is_repeated() && n > 1)
        return reflection.SwapElements(&message, &field, any(), any());
    if (way == 2 && field.is_repeated() && n > 0) return reflection.RemoveLast(&message, &field);
    if (field.cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE)
        return spoil_value(message, field, random);
    if (n == 0 && way > 3) return spoil(message, random);  // mostly what is there already
    if (!field.is_repeated()) return spoil(*reflection.MutableMessage(&message, &field), random);
    if (n == 0) return spoil(*reflection.AddMessage(&message, &field), random);
    if (way == 3)
        return reflection.AddMessage(&message, &field)
            ->CopyFrom(reflection.GetRepeatedMessage(message, &field, any()));
    spoil(*reflection.MutableRepeatedMessage(&message, &field, any()), random);
}

/// A size, axis or index: mostly one that could be meant.
inline std::int64_t spoilt_number(Random& random) {
    static constexpr std::array<std::int64_t, 11> edges{64,        4096,      INT32_MAX, INT32_MIN,
                                                        1LL << 28, 1LL << 31, 1LL << 40, 1LL << 53,
                                                        1LL << 62, INT64_MAX, INT64_MIN};
    if (random.below(4) == 0) return edges[random.below(edges.size())];
    return static_cast<std::int64_t>(random.below(13)) - 4;
}

/// One number of a list of whole ones is another; or one more, one less, two swapped.
template <class Numbers>
void spoil_numbers(Numbers& numbers, Random& random) {
    const auto n = static_cast<std::size_t>(numbers.size());
    const auto any = [&] { return static_cast<int>(random.below(n)); };
    const std::size_t way = random.below(6);
    if (n == 0 || way == 0) return numbers.Add(spoilt_number(random));
    if (way == 1) return numbers.RemoveLast();
    if (way == 2) return numbers.SwapElements(any(), any());
    numbers.Set(any(), spoilt_number(random));
}

/// Whole numbers of a constant, in raw_data as exporters write them: shapes, axes, pads.
inline void spoil_tensor(onnx::TensorProto& tensor, Random& random) {
    const std::string& raw = tensor.raw_data();
    if (random.below(3) == 0) return spoil_numbers(*tensor.mutable_dims(), random);
    if (tensor.data_type() != onnx::TensorProto::INT64 || raw.size() < 8) {
        // Other dims for the same entries.
        if (random.below(2) == 0) {
            tensor.add_dims(1);
            return tensor.mutable_dims()->SwapElements(0, tensor.dims_size() - 1);
        }
        return tensor.set_data_type(static_cast<int>(random.below(24)));
    }
    const std::int64_t number = spoilt_number(random);
    std::memcpy(tensor.mutable_raw_data()->data() + 8 * random.below(raw.size() / 8), &number, sizeof number);
}

/// The names of all values of the graph.
inline std::vector<std::string> value_names(const onnx::GraphProto& graph) {
    std::vector<std::string> names{""};
    for (const auto& input : graph.input()) names.push_back(input.name());
    for (const auto& tensor : graph.initializer()) names.push_back(tensor.name());
    for (const auto& node : graph.node()) {
        for (const std::string& output : node.output()) names.push_back(output);
    }
    return names;
}

inline void spoil_node(onnx::GraphProto& graph, Random& random) {
    static const std::array<const char*, 48> operators{"Add",
                                                       "Sub",
                                                       "Mul",
                                                       "Div",
                                                       "Pow",
                                                       "Neg",
                                                       "Abs",
                                                       "Sqrt",
                                                       "Exp",
                                                       "Log",
                                                       "Reciprocal",
                                                       "Max",
                                                       "Min",
                                                       "Mean",
                                                       "Sum",
                                                       "Where",
                                                       "Relu",
                                                       "Softmax",
                                                       "PRelu",
                                                       "Clip",
                                                       "Gelu",
                                                       "Gemm",
                                                       "MatMul",
                                                       "Conv",
                                                       "BatchNormalization",
                                                       "LayerNormalization",
                                                       "InstanceNormalization",
                                                       "MaxPool",
                                                       "AveragePool",
                                                       "GlobalAveragePool",
                                                       "ReduceMean",
                                                       "ReduceSum",
                                                       "ReduceMax",
                                                       "Concat",
                                                       "Split",
                                                       "Slice",
                                                       "Pad",
                                                       "Flatten",
                                                       "Reshape",
                                                       "Transpose",
                                                       "Squeeze",
                                                       "Unsqueeze",
                                                       "Expand",
                                                       "Tile",
                                                       "Gather",
                                                       "ConstantOfShape",
                                                       "Identity",
                                                       "Loop"};
    static const std::array<const char*, 16> attributes{
        "axis",  "axes",     "perm",      "pads",   "strides", "dilations", "kernel_shape", "group",
        "alpha", "keepdims", "ceil_mode", "transA", "transB",  "auto_pad",  "epsilon",      "split"};
    if (graph.node_size() == 0) return;
    onnx::NodeProto& node =
        *graph.mutable_node(static_cast<int>(random.below(static_cast<std::size_t>(graph.node_size()))));
    const std::vector<std::string> names = value_names(graph);
    const auto any_input = [&] {
        return static_cast<int>(random.below(static_cast<std::size_t>(node.input_size())));
    };
    const std::size_t way = random.below(8);
    if (way == 0) return node.set_op_type(operators[random.below(operators.size())]);
    if (way == 1) return node.add_input(names[random.below(names.size())]);
    if (way == 2) return node.add_output(names[random.below(names.size())]);
    if (way == 3 && node.input_size() > 1)
        return node.mutable_input()->SwapElements(any_input(), any_input());
    if (way == 4 && node.input_size() > 0) return node.mutable_input()->RemoveLast();
    if (way <= 5 && node.input_size() > 0)
        return node.set_input(any_input(), names[random.below(names.size())]);
    if (way == 6 || node.attribute_size() == 0) {
        onnx::AttributeProto& added = *node.add_attribute();
        added.set_name(attributes[random.below(attributes.size())]);
        const bool is_list = random.below(2) == 0;
        added.set_type(is_list ? onnx::AttributeProto::INTS : onnx::AttributeProto::INT);
        if (!is_list) return added.set_i(spoilt_number(random));
        for (std::size_t n = random.below(5); n > 0; --n) added.add_ints(spoilt_number(random));
        return;
    }
    onnx::AttributeProto& attribute = *node.mutable_attribute(
        static_cast<int>(random.below(static_cast<std::size_t>(node.attribute_size()))));
    if (attribute.type() == onnx::AttributeProto::INT) return attribute.set_i(spoilt_number(random));
    if (attribute.type() == onnx::AttributeProto::INTS)
        return spoil_numbers(*attribute.mutable_ints(), random);
    if (attribute.type() == onnx::AttributeProto::FLOAT)
        return attribute.set_f(static_cast<float>(spoilt_number(random)));
    if (attribute.has_t()) return spoil_tensor(*attribute.mutable_t(), random);
    attribute.set_s("SAME_LOWER");
}

/// What a wrong model has, at one place.
inline void spoil_structure(onnx::ModelProto& model, Random& random) {
    onnx::GraphProto& graph = *model.mutable_graph();
    const std::size_t way = random.below(12);
    if (way == 0 && graph.input_size() > 0) {
        auto& shape = *graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
        if (shape.dim_size() == 0 || random.below(5) == 0)
            return shape.add_dim()->set_dim_value(spoilt_number(random));
        const auto axis = static_cast<int>(random.below(static_cast<std::size_t>(shape.dim_size())));
        return shape.mutable_dim(axis)->set_dim_value(spoilt_number(random));
    }
    if (way == 1 && model.opset_import_size() > 0)
        return model.mutable_opset_import(0)->set_version(7 + static_cast<int>(random.below(17)));
    if (way == 2 && graph.node_size() > 1) {
        graph.mutable_node()->SwapElements(
            static_cast<int>(random.below(static_cast<std::size_t>(graph.node_size()))), 0);
        return graph.mutable_node()->RemoveLast();
    }
    if (way <= 4 && graph.initializer_size() > 0) {
        return spoil_tensor(*graph.mutable_initializer(static_cast<int>(
                                random.below(static_cast<std::size_t>(graph.initializer_size())))),
                            random);
    }
    if (way == 5) return spoil(model, random);
    spoil_node(graph, random);
}

}  // namespace tangram::test
