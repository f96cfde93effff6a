// What an ONNX file says, as plain data: every kind of number and attribute, and nodes that are put in order.

#include "input/onnx/onnx_model.hpp"
#include "onnx_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace tangram;
using namespace tangram::test;
using onnx_file::Model;
using onnx_file::Type;

namespace {

using Proto = onnx::TensorProto;

Model parsed(const onnx::ModelProto& model) {
    return onnx_file::parse("m.onnx", model.SerializeAsString());
}

/// `tensor` as the small model's first initializer, read.
onnx_file::Tensor read_back(const Proto& tensor) {
    onnx::ModelProto model = small_model();
    *model.mutable_graph()->mutable_initializer(0) = tensor;
    model.mutable_graph()->mutable_initializer(0)->set_name("w");
    return parsed(model).initializers.at(0);
}

Proto typed(int data_type, std::int64_t n) {
    Proto tensor;
    tensor.set_data_type(data_type);
    tensor.add_dims(n);
    return tensor;
}

template <class T>
Proto raw(int data_type, const std::vector<T>& values) {
    Proto tensor = typed(data_type, static_cast<std::int64_t>(values.size()));
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    tensor.set_raw_data(bytes);
    return tensor;
}

template <class List>
Proto listed(Proto tensor, List add) {
    add(tensor);
    return tensor;
}

std::vector<std::string> names(const Model& model) {
    std::vector<std::string> all;
    for (const onnx_file::Node& node : model.nodes) all.push_back(node.name);
    return all;
}

}  // namespace

TEST_CASE("a small ONNX model is read as it was written") {
    onnx::ModelProto message = small_model();
    auto& property = *message.add_metadata_props();
    property.set_key("trained on");
    property.set_value("digits");
    message.add_training_info()->mutable_algorithm()->add_node()->set_op_type("Adam");
    const Model model = parsed(message);
    CHECK(model.path == "m.onnx");
    CHECK(model.ir_version == 8);
    CHECK(model.opset == 17);
    CHECK(model.producer == "by hand");
    CHECK(model.metadata.at("trained on") == "digits");
    REQUIRE(model.inputs.size() == 1);
    CHECK(model.inputs[0].name == "x");
    CHECK(model.inputs[0].has_shape);
    CHECK(model.inputs[0].shape == std::vector<Index>{-1, 2});
    CHECK(model.outputs.at(0).shape == std::vector<Index>{-1, 3});
    CHECK(names(model) == std::vector<std::string>{"product", "sum", "bend", "unused"});
    CHECK(model.nodes[1].op_type == "Add");
    CHECK(model.nodes[1].inputs == std::vector<std::string>{"xw", "b"});
    CHECK(model.nodes[1].outputs == std::vector<std::string>{"z"});
    CHECK(model.initializers.at(0).shape == std::vector<Index>{2, 3});
    CHECK(model.initializers.at(0).values == std::vector<double>{1, 2, 3, 4, 5, 6});
    CHECK(model.initializers.at(1).values == std::vector<double>{0.5, -0.5, 0.25});
    const auto& constant = std::get<onnx_file::Tensor>(model.nodes[3].attributes.at("value"));
    CHECK(constant.type == Type::integer);
    CHECK(constant.shape.empty());
    CHECK(constant.values == std::vector<double>{7});
}

TEST_CASE("files of PyTorch's exporter: counts that Python's onnx gives") {
    const std::string folder = TANGRAM_TEST_DATA "/onnx/";
    for (const auto& [name, nodes, initializers] :
         {std::tuple{"lenet.onnx", 10U, 8U}, std::tuple{"resnet_fresh.onnx", 62U, 17U}}) {
        const onnx_file::Bytes bytes = onnx_file::read_bytes(folder + name);
        CHECK(onnx_file::looks_like_onnx(std::string_view(bytes.model).substr(0, 16)));
        CHECK(bytes.external_files.empty());
        const Model model = onnx_file::parse(folder + name, bytes.model);
        CHECK(model.nodes.size() == nodes);
        CHECK(model.initializers.size() == initializers);
        CHECK(model.opset == 17);
        CHECK(model.producer == "pytorch");
    }
}

TEST_CASE("first bytes: what ONNX is, and TensorFlow's, HDF5's, zip's, IDX's are not") {
    CHECK(onnx_file::looks_like_onnx(small_model().SerializeAsString()));
    CHECK_FALSE(onnx_file::looks_like_onnx(""));
    CHECK_FALSE(onnx_file::looks_like_onnx("\x08\x08"));
    CHECK_FALSE(onnx_file::looks_like_onnx("\x08\x01\x12\x9c"));  // a SavedModel
    CHECK_FALSE(onnx_file::looks_like_onnx("\x89HDF\r\n"));
    CHECK_FALSE(onnx_file::looks_like_onnx("PK\x03\x04"));
    CHECK_FALSE(onnx_file::looks_like_onnx(std::string("\0\0\x08\x03", 4)));
}

TEST_CASE("numbers of every type, in raw_data and in their list, are read exactly") {
    using Values = std::vector<double>;
    const double inf = std::numeric_limits<double>::infinity();
    CHECK(read_back(raw<float>(Proto::FLOAT, {0.1F, -0.0F})).values == Values{double{0.1F}, -0.0});
    CHECK(read_back(raw<double>(Proto::DOUBLE, {0.1, 1e300})).values == Values{0.1, 1e300});
    CHECK(read_back(raw<float>(Proto::FLOAT, {HUGE_VALF})).values ==
          Values{inf});  // refused later, where it is a weight
    CHECK(std::isnan(read_back(raw<float>(Proto::FLOAT, {std::nanf("")})).values.at(0)));
    // 1, the largest, the smallest, 1/3 rounded down, -2, -inf of IEEE binary16
    const std::vector<std::uint16_t> half{0x3c00, 0x7bff, 0x0001, 0x3555, 0xc000, 0xfc00};
    const Values halves{1, 65504, std::ldexp(1.0, -24), 1365.0 / 4096, -2, -inf};
    CHECK(read_back(raw(Proto::FLOAT16, half)).values == halves);
    CHECK(read_back(listed(typed(Proto::FLOAT16, 6), [&](Proto& t) {
              for (auto v : half) t.add_int32_data(v);
          })).values == halves);
    const std::vector<std::uint16_t> brain{0x3f80, 0xc040, 0x0001};
    const Values brains{1, -3, std::ldexp(1.0, -133)};
    CHECK(read_back(raw(Proto::BFLOAT16, brain)).values == brains);
    CHECK(read_back(listed(typed(Proto::BFLOAT16, 3), [&](Proto& t) {
              for (auto v : brain) t.add_int32_data(v);
          })).values == brains);

    CHECK(read_back(raw<std::int8_t>(Proto::INT8, {-128, 127})).values == Values{-128, 127});
    CHECK(read_back(raw<std::uint8_t>(Proto::UINT8, {0, 255})).values == Values{0, 255});
    CHECK(read_back(raw<std::int16_t>(Proto::INT16, {-32768})).values == Values{-32768});
    CHECK(read_back(raw<std::uint16_t>(Proto::UINT16, {65535})).values == Values{65535});
    CHECK(read_back(raw<std::int32_t>(Proto::INT32, {-2147483647 - 1})).values == Values{-2147483648.0});
    CHECK(read_back(raw<std::uint32_t>(Proto::UINT32, {4294967295U})).values == Values{4294967295.0});
    CHECK(read_back(raw<std::uint64_t>(Proto::UINT64, {5})).values == Values{5});
    CHECK(read_back(raw<std::uint8_t>(Proto::BOOL, {0, 1, 2})).values == Values{0, 1, 1});
    CHECK(read_back(raw<std::uint8_t>(Proto::BOOL, {1})).type == Type::boolean);
    CHECK(read_back(raw<std::uint8_t>(Proto::UINT8, {1})).type == Type::integer);
    CHECK(read_back(listed(typed(Proto::INT8, 1), [](Proto& t) { t.add_int32_data(-5); })).values ==
          Values{-5});
    CHECK(read_back(listed(typed(Proto::UINT32, 1), [](Proto& t) { t.add_uint64_data(6); })).values ==
          Values{6});
    CHECK(read_back(listed(typed(Proto::DOUBLE, 1), [](Proto& t) { t.add_double_data(0.7); })).values ==
          Values{0.7});
    // "to the end" of Slice
    const Index most = Index{1} << 53;
    CHECK(read_back(raw<std::int64_t>(Proto::INT64, {INT64_MAX, INT64_MIN, most, -most})).values ==
          Values{9007199254740992.0, -9007199254740992.0, 9007199254740992.0, -9007199254740992.0});
    CHECK(read_back(typed(Proto::FLOAT, 0)).values.empty());
}

TEST_CASE("attributes of every type that operators have") {
    onnx::ModelProto message = small_model();
    onnx::NodeProto& node = *message.mutable_graph()->mutable_node(2);
    const auto add = [&](const char* name,
                         onnx::AttributeProto::AttributeType type) -> onnx::AttributeProto& {
        onnx::AttributeProto& attribute = *node.add_attribute();
        attribute.set_name(name);
        attribute.set_type(type);
        return attribute;
    };
    add("i", onnx::AttributeProto::INT).set_i(INT64_MIN);
    add("f", onnx::AttributeProto::FLOAT).set_f(0.1F);
    add("s", onnx::AttributeProto::STRING).set_s("SAME_UPPER");
    add("is", onnx::AttributeProto::INTS).add_ints(-3);
    add("fs", onnx::AttributeProto::FLOATS).add_floats(0.25F);
    add("ss", onnx::AttributeProto::STRINGS).add_strings("a");
    add("zero", onnx::AttributeProto::INT);  // as writers of proto3 leave it
    const auto read = parsed(message).nodes.at(2).attributes;
    CHECK(std::get<std::int64_t>(read.at("i")) == INT64_MIN);
    CHECK(std::get<double>(read.at("f")) == 0.1);  // as it was written
    CHECK(std::get<std::string>(read.at("s")) == "SAME_UPPER");
    CHECK(std::get<std::vector<std::int64_t>>(read.at("is")) == std::vector<std::int64_t>{-3});
    CHECK(std::get<std::vector<double>>(read.at("fs")) == std::vector<double>{0.25});
    CHECK(std::get<std::vector<std::string>>(read.at("ss")) == std::vector<std::string>{"a"});
    CHECK(std::get<std::int64_t>(read.at("zero")) == 0);
}

TEST_CASE("nodes in any order are put in one in which each value is made before it is used") {
    onnx::ModelProto message = small_model();
    auto& nodes = *message.mutable_graph()->mutable_node();
    std::reverse(nodes.begin(), nodes.end());  // unused, bend, sum, product
    CHECK(names(parsed(message)) == std::vector<std::string>{"unused", "product", "sum", "bend"});
}

TEST_CASE(
    "inputs that are initializers too, as old files have them, are no inputs; optional values have no names") {
    onnx::ModelProto message = small_model();
    add_value(*message.mutable_graph()->add_input(), "w", 3);
    message.mutable_graph()->mutable_node(2)->add_input("");
    message.mutable_graph()->mutable_node(1)->add_output("");
    message.mutable_graph()->mutable_node(2)->add_output("");
    message.add_opset_import()->set_domain("com.microsoft");  // named, and no node is of it
    const Model model = parsed(message);
    CHECK(model.inputs.size() == 1);
    CHECK(model.nodes.at(2).inputs == std::vector<std::string>{"z", ""});
}

TEST_CASE("sizes that are not known are -1") {
    onnx::ModelProto message = small_model();
    auto& shape =
        *message.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
    shape.mutable_dim(0)->clear_value();
    shape.mutable_dim(1)->set_dim_value(-1);
    message.mutable_graph()->mutable_output(0)->clear_type();
    const Model model = parsed(message);
    CHECK(model.inputs.at(0).shape == std::vector<Index>{-1, -1});
    CHECK_FALSE(model.outputs.at(0).has_shape);
}
