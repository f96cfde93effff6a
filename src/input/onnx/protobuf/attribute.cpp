#include "messages.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace tangram::onnx_file {

namespace {

using Proto = onnx::AttributeProto;

/// Where a float was rounded from a shorter decimal, that: an epsilon of 1e-5 means 1e-5, not 9.99999974e-06. What was no
/// short decimal stays within the float's own rounding.
double as_written(float value) {
    std::array<char, 32> text{};
    const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
    double decimal = value;
    std::from_chars(text.data(), written.ptr, decimal);
    return decimal;
}

template <class Floats>
std::vector<double> as_written(const Floats& floats) {
    std::vector<double> values;
    for (const float value : floats) values.push_back(as_written(value));
    return values;
}

/// A tensor; one number is as it was written.
Tensor read_number(const Place& place, const onnx::TensorProto& proto) {
    Tensor tensor = read_tensor(place, proto);
    if (proto.data_type() == onnx::TensorProto::FLOAT && tensor.values.size() == 1)
        tensor.values.front() = as_written(static_cast<float>(tensor.values.front()));
    return tensor;
}

/// The types whose fields hold something: its own, or none where that is empty or zero.
std::vector<Proto::AttributeType> filled(const Proto& attribute) {
    std::vector<Proto::AttributeType> types;
    const auto note = [&](bool is_there, Proto::AttributeType type) {
        if (is_there) types.push_back(type);
    };
    note(attribute.has_f(), Proto::FLOAT);
    note(attribute.has_i(), Proto::INT);
    note(attribute.has_s(), Proto::STRING);
    note(attribute.has_t(), Proto::TENSOR);
    note(attribute.has_g(), Proto::GRAPH);
    note(attribute.has_sparse_tensor(), Proto::SPARSE_TENSOR);
    note(attribute.has_tp(), Proto::TYPE_PROTO);
    note(attribute.floats_size() > 0, Proto::FLOATS);
    note(attribute.ints_size() > 0, Proto::INTS);
    note(attribute.strings_size() > 0, Proto::STRINGS);
    note(attribute.tensors_size() > 0, Proto::TENSORS);
    note(attribute.graphs_size() > 0, Proto::GRAPHS);
    note(attribute.sparse_tensors_size() > 0, Proto::SPARSE_TENSORS);
    note(attribute.type_protos_size() > 0, Proto::TYPE_PROTOS);
    return types;
}

void check_type(const Place& place, const Proto& attribute) {
    for (const Proto::AttributeType type : filled(attribute)) {
        if (type == Proto::GRAPH || type == Proto::GRAPHS)
            refuse(place, "control flow, a graph in the graph, is not read",
                   "export the model without If, Loop, Scan");
        if (type != attribute.type()) {
            refuse(place,
                   fmt::format("it says that it is of type {} and holds {}",
                               Proto::AttributeType_Name(attribute.type()), Proto::AttributeType_Name(type)));
        }
    }
    if (!attribute.ref_attr_name().empty()) refuse(place, "it stands for a function's attribute");
}

}  // namespace

Attribute read_attribute(const Place& place, const onnx::AttributeProto& attribute) {
    check_type(place, attribute);
    switch (attribute.type()) {
        case Proto::INT:
            return std::int64_t{attribute.i()};
        case Proto::FLOAT:
            return as_written(attribute.f());
        case Proto::STRING:
            return attribute.s();
        case Proto::INTS:
            return std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end());
        case Proto::FLOATS:
            return as_written(attribute.floats());
        case Proto::STRINGS:
            return std::vector<std::string>(attribute.strings().begin(), attribute.strings().end());
        case Proto::TENSOR:
            return read_number(place, attribute.t());
        default:
            refuse(place, fmt::format("attributes of type {} are not read",
                                      Proto::AttributeType_Name(attribute.type())));
    }
}

}  // namespace tangram::onnx_file
