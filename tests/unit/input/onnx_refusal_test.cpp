// ONNX files that are refused, each in one line that names the file and the node or tensor.

#include "input/onnx/onnx_model.hpp"
#include "onnx_files.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>

using namespace tangram;
using namespace tangram::test;

namespace {

using Attribute = onnx::AttributeProto;
using Proto = onnx::TensorProto;

std::string refusal_of(const std::string& bytes) {
    return error_of(ExitCode::bad_input, [&] { onnx_file::parse("m.onnx", bytes); });
}

struct Case {
    std::string name;
    std::function<void(onnx::ModelProto&)> spoil;
    const char* place;
    const char* what;
};

void check_all(const std::vector<Case>& cases) {
    for (const Case& spoilt : cases) {
        CAPTURE(spoilt.name);
        onnx::ModelProto model = small_model();
        spoilt.spoil(model);
        const std::string message = refusal_of(model.SerializeAsString());
        CAPTURE(message);
        CHECK(message.starts_with(std::string("m.onnx: ") + spoilt.place + ": "));
        CHECK(says(message, spoilt.what));
    }
}

onnx::NodeProto& node(onnx::ModelProto& model, int k) {
    return *model.mutable_graph()->mutable_node(k);
}

/// An attribute of bend.
Attribute& attribute(onnx::ModelProto& model, Attribute::AttributeType type) {
    Attribute& added = *node(model, 2).add_attribute();
    added.set_name("a");
    added.set_type(type);
    return added;
}

Proto& weight(onnx::ModelProto& model) {
    return *model.mutable_graph()->mutable_initializer(0);
}

/// w, of another type, without its numbers.
Proto& emptied(onnx::ModelProto& model, int data_type) {
    weight(model).set_data_type(data_type);
    weight(model).clear_float_data();
    return weight(model);
}

void set_dims(Proto& tensor, const std::vector<std::int64_t>& dims) {
    tensor.clear_dims();
    for (const std::int64_t dim : dims) tensor.add_dims(dim);
}

}  // namespace

TEST_CASE("ONNX tensors that are refused") {
    constexpr std::int64_t huge = std::int64_t{1} << 40;
    check_all({
        {"negative size",
         [](auto& m) {
             set_dims(weight(m), {-2, -3});
         },
         "initializer 'w'", "(-2, -3) has a negative size"},
        {"overflow",
         [](auto& m) {
             set_dims(weight(m), {huge, huge});
         },
         "initializer 'w'", "overflows"},
        {"overflow of bytes", [](auto& m) { set_dims(weight(m), {INT64_MAX}); }, "initializer 'w'",
         "overflows"},
        {"overflow times none",
         [](auto& m) {
             set_dims(weight(m), {0, huge, huge});
         },
         "initializer 'w'", "overflows"},
        {"huge", [](auto& m) { set_dims(weight(m), {huge}); }, "initializer 'w'",
         "needs 1099511627776 numbers and holds 6"},
        {"axes", [](auto& m) { set_dims(weight(m), std::vector<std::int64_t>(65, 1)); }, "initializer 'w'",
         "65 axes"},
        {"too few", [](auto& m) { weight(m).mutable_float_data()->RemoveLast(); }, "initializer 'w'",
         "shape (2, 3) and type FLOAT, it needs 6 numbers and holds 5"},
        {"none", [](auto& m) { emptied(m, Proto::FLOAT); }, "initializer 'w'", "needs 24 bytes and holds 0"},
        {"raw too short", [](auto& m) { emptied(m, Proto::FLOAT).set_raw_data("abc"); }, "initializer 'w'",
         "needs 24 bytes and holds 3"},
        {"raw too long", [](auto& m) { emptied(m, Proto::FLOAT16).set_raw_data(std::string(13, 'a')); },
         "initializer 'w'", "type FLOAT16, it needs 12 bytes and holds 13"},
        {"raw and list", [](auto& m) { weight(m).set_raw_data(std::string(24, '\0')); }, "initializer 'w'",
         "twice"},
        {"another list", [](auto& m) { weight(m).set_data_type(Proto::INT64); }, "initializer 'w'",
         "numbers of another type"},
        {"two lists", [](auto& m) { weight(m).add_int32_data(1); }, "initializer 'w'",
         "numbers of another type"},
        {"strings", [](auto& m) { emptied(m, Proto::STRING); }, "initializer 'w'",
         "type STRING are not read"},
        {"complex", [](auto& m) { emptied(m, Proto::COMPLEX64); }, "initializer 'w'", "type COMPLEX64"},
        {"complex128", [](auto& m) { emptied(m, Proto::COMPLEX128); }, "initializer 'w'", "type COMPLEX128"},
        {"fp8", [](auto& m) { emptied(m, 17); }, "initializer 'w'", "type FLOAT8E4M3FN "},
        {"fp8, the other", [](auto& m) { emptied(m, 20); }, "initializer 'w'", "type FLOAT8E5M2FNUZ"},
        {"int4", [](auto& m) { emptied(m, 22); }, "initializer 'w'", "type INT4"},
        {"no type", [](auto& m) { weight(m).clear_data_type(); }, "initializer 'w'", "type UNDEFINED"},
        {"unknown type", [](auto& m) { emptied(m, 99); }, "initializer 'w'", "data type 99"},
        {"negative type", [](auto& m) { emptied(m, -1); }, "initializer 'w'", "data type -1"},
        {"segment", [](auto& m) { weight(m).mutable_segment()->set_end(6); }, "initializer 'w'", "segment"},
        {"not inlined", [](auto& m) { weight(m).set_data_location(Proto::EXTERNAL); }, "initializer 'w'",
         "another file"},
        {"no name", [](auto& m) { weight(m).clear_name(); }, "initializer ''", "no name"},
        {"same name", [](auto& m) { weight(m).set_name("b"); }, "initializer 'b'", "same name"},
        {"control characters",
         [](auto& m) {
             weight(m).set_name("a\nb");
             set_dims(weight(m), {1});
         },
         "initializer 'a?b'", "holds 6"},
        {"not of 8 bits",
         [](auto& m) {
             for (int k = 0; k < 6; ++k) emptied(m, Proto::INT8).add_int32_data(300 + k);
         },
         "initializer 'w'", "300 is no number of type INT8"},
        {"no half",
         [](auto& m) {
             emptied(m, Proto::FLOAT16).add_int32_data(-1);
             set_dims(weight(m), {1});
         },
         "initializer 'w'", "-1 is no number of type FLOAT16"},
        {"beyond 2^53",
         [](auto& m) {
             emptied(m, Proto::INT64).add_int64_data((std::int64_t{1} << 53) + 1);
             set_dims(weight(m), {1});
         },
         "initializer 'w'", "9007199254740993 is beyond 2^53"},
        {"beyond -2^53",
         [](auto& m) {
             emptied(m, Proto::INT64).add_int64_data(-(std::int64_t{1} << 60));
             set_dims(weight(m), {1});
         },
         "initializer 'w'", "beyond 2^53"},
        {"unsigned",
         [](auto& m) {
             emptied(m, Proto::UINT64).add_uint64_data(UINT64_MAX);
             set_dims(weight(m), {1});
         },
         "initializer 'w'", "beyond 2^53"},
        {"in an attribute", [](auto& m) { node(m, 3).mutable_attribute(0)->mutable_t()->add_dims(2); },
         "node 'unused' (Constant), attribute 'value'", "needs 2 numbers and holds 1"},
        {"sparse",
         [](auto& m) { m.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("s"); },
         "initializer 's'", "sparse"},
        {"quantized", [](auto& m) { m.mutable_graph()->add_quantization_annotation()->set_tensor_name("w"); },
         "tensor 'w'", "quantized"},
    });
}

TEST_CASE("ONNX nodes and attributes that are refused") {
    const char* bend = "node 'bend' (Relu), attribute 'a'";
    check_all({
        {"If", [](auto& m) { attribute(m, Attribute::GRAPH).mutable_g()->set_name("then"); }, bend,
         "control flow"},
        {"graph of another type", [](auto& m) { attribute(m, Attribute::INT).mutable_g(); }, bend,
         "control flow"},
        {"graphs", [](auto& m) { attribute(m, Attribute::GRAPHS).add_graphs(); }, bend, "control flow"},
        {"sparse", [](auto& m) { attribute(m, Attribute::SPARSE_TENSOR).mutable_sparse_tensor(); }, bend,
         "SPARSE_TENSOR are not read"},
        {"type", [](auto& m) { attribute(m, Attribute::TYPE_PROTO).mutable_tp(); }, bend,
         "TYPE_PROTO are not read"},
        {"tensors", [](auto& m) { attribute(m, Attribute::TENSORS).add_tensors(); }, bend,
         "TENSORS are not read"},
        {"wrong type", [](auto& m) { attribute(m, Attribute::INT).set_f(1); }, bend,
         "of type INT and holds FLOAT"},
        {"two values",
         [](auto& m) {
             attribute(m, Attribute::INT).set_i(1);
             node(m, 2).mutable_attribute(0)->add_ints(1);
         },
         bend, "of type INT and holds INTS"},
        {"no type", [](auto& m) { attribute(m, Attribute::INT).clear_type(); }, bend, "UNDEFINED"},
        {"of a function", [](auto& m) { attribute(m, Attribute::INT).set_ref_attr_name("k"); }, bend,
         "function"},
        {"twice",
         [](auto& m) {
             attribute(m, Attribute::INT);
             attribute(m, Attribute::INT);
         },
         bend, "twice"},
        {"no operator", [](auto& m) { node(m, 2).clear_op_type(); }, "node 'bend' ()", "no operator"},
        {"domain", [](auto& m) { node(m, 2).set_domain("com.microsoft"); }, "node 'bend' (Relu)",
         "domain 'com.microsoft'"},
        {"ml", [](auto& m) { node(m, 2).set_domain("ai.onnx.ml"); }, "node 'bend' (Relu)",
         "domain 'ai.onnx.ml'"},
        {"undefined input", [](auto& m) { node(m, 1).set_input(1, "nobody"); }, "node 'sum' (Add)",
         "gives its input 'nobody'"},
        {"no name",
         [](auto& m) {
             node(m, 1).clear_name();
             node(m, 1).set_input(1, "nobody");
         },
         "the node of 'z' (Add)", "gives its input 'nobody'"},
        {"cycle", [](auto& m) { node(m, 0).set_input(0, "z"); }, "node 'product' (MatMul)", "cycle"},
        {"cycle before the others", [](auto& m) { node(m, 3).add_input("c"); }, "node 'unused' (Constant)",
         "cycle"},
        {"output twice", [](auto& m) { node(m, 3).set_output(0, "z"); }, "node 'unused' (Constant)",
         "'z' is defined twice"},
        {"output is an initializer", [](auto& m) { node(m, 3).set_output(0, "w"); },
         "node 'unused' (Constant)", "'w' is defined twice"},
        {"output is an input", [](auto& m) { node(m, 3).set_output(0, "x"); }, "node 'unused' (Constant)",
         "'x' is defined twice"},
        {"two outputs", [](auto& m) { node(m, 3).add_output("c"); }, "node 'unused' (Constant)",
         "'c' is defined twice"},
    });
}

TEST_CASE("ONNX models and their inputs and outputs that are refused") {
    const auto opset = [](std::int64_t version) {
        return [version](onnx::ModelProto& m) { m.mutable_opset_import(0)->set_version(version); };
    };
    const auto input = [](onnx::ModelProto& m) { return m.mutable_graph()->mutable_input(0); };
    check_all({
        {"no graph", [](auto& m) { m.clear_graph(); }, "the model", "no graph"},
        {"no outputs", [](auto& m) { m.mutable_graph()->clear_output(); }, "the model", "no outputs"},
        {"opset 8", opset(8), "the model", "opset 8 is not read"},
        {"opset 22", opset(22), "the model", "opset 22 is not read"},
        {"opset -1", opset(-1), "the model", "opset -1"},
        {"no opset", [](auto& m) { m.clear_opset_import(); }, "the model", "names no opset"},
        {"opset of another", [](auto& m) { m.mutable_opset_import(0)->set_domain("ai.onnx.ml"); },
         "the model", "names no opset"},
        {"two opsets", [](auto& m) { m.add_opset_import()->set_version(13); }, "the model",
         "two opsets, 13 and 17"},
        {"function", [](auto& m) { m.add_functions()->set_name("gelu"); }, "function 'gelu'",
         "functions are not read"},
        {"sequence", [&](auto& m) { input(m)->mutable_type()->mutable_sequence_type(); }, "input 'x'",
         "sequence"},
        {"optional", [&](auto& m) { input(m)->mutable_type()->mutable_optional_type(); }, "input 'x'",
         "optional"},
        {"map", [&](auto& m) { input(m)->mutable_type()->mutable_map_type(); }, "input 'x'", "map"},
        {"sparse", [&](auto& m) { input(m)->mutable_type()->mutable_sparse_tensor_type(); }, "input 'x'",
         "sparse tensor"},
        {"strings", [&](auto& m) { input(m)->mutable_type()->mutable_tensor_type()->set_elem_type(8); },
         "input 'x'", "STRING"},
        {"negative size",
         [&](auto& m) {
             input(m)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_value(
                 -2);
         },
         "input 'x'", "negative size"},
        {"no name", [&](auto& m) { input(m)->clear_name(); }, "input ''", "no name"},
        {"input twice", [](auto& m) { add_value(*m.mutable_graph()->add_input(), "x", 2); }, "input 'x'",
         "defined twice"},
        {"output twice", [](auto& m) { add_value(*m.mutable_graph()->add_output(), "y", 3); }, "output 'y'",
         "listed twice"},
        {"output of nobody", [](auto& m) { m.mutable_graph()->mutable_output(0)->set_name("q"); },
         "output 'q'", "gives it"},
    });
    onnx::ModelProto model = small_model();
    model.mutable_opset_import(0)->set_version(9);
    CHECK(refusal_of(model.SerializeAsString()) == "(no error)");
    model.mutable_opset_import(0)->set_version(21);
    model.mutable_opset_import(0)->set_domain("ai.onnx");
    CHECK(refusal_of(model.SerializeAsString()) == "(no error)");
}

TEST_CASE("bytes that are no ONNX file are refused") {
    CHECK(says(refusal_of(""), "no graph"));
    CHECK(says(refusal_of("not at all, but text"), "m.onnx: the model: not a whole ONNX file"));
    const std::string bytes = small_model().SerializeAsString();
    for (std::size_t n = 0; n < bytes.size(); ++n) CHECK(says(refusal_of(bytes.substr(0, n)), "m.onnx: "));
    CHECK(says(refusal_of(bytes + '\0'), "not a whole ONNX file"));
}

TEST_CASE("an ONNX file with graphs in graphs, too many to follow, is refused") {
    onnx::ModelProto model = small_model();
    onnx::GraphProto* inner = model.mutable_graph();
    for (int depth = 0; depth < 40; ++depth) {
        Attribute& then = *inner->add_node()->add_attribute();
        then.set_type(Attribute::GRAPH);
        inner = then.mutable_g();
    }
    CHECK(says(refusal_of(model.SerializeAsString()), "not a whole ONNX file"));
}
