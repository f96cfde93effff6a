#pragma once
// ONNX files by the classes that protobuf makes of their format (onnx.proto), and what is read of them. All of this folder is left
// out of a program that is built without protobuf; without_protobuf.cpp stands in its place.

#include "../onnx_model.hpp"

#include <onnx/onnx_pb.h>

namespace tangram::onnx_file {

/// Protobuf counts the bytes of a message in 31 bits.
inline constexpr Index most_bytes = 2147483647;

/// Where in which file something is wrong.
struct Place {
    std::string path;
    std::string what;  ///< "initializer 'w'", "node 'n' (Conv)"
};

/// Throws Error(bad_input): "<path>: initializer 'w': <what>: <advice>".
[[noreturn]] void refuse(const Place& place, const std::string& what,
                         const std::string& advice = "export the model again");

/// Refuses what protobuf cannot read: truncated, no protobuf at all, more than 64 messages in each other.
onnx::ModelProto read_message(const std::string& path, const std::string& bytes);

/// All of a node but its attributes.
Node node_head(const onnx::NodeProto& node);

Place place_of(const std::string& path, const onnx::TensorProto& initializer);
Place place_of(const std::string& path, const Node& node, const onnx::AttributeProto& attribute);

/// "FLOAT16", of TensorProto.DataType; a number that is none, as "data type 99".
std::string data_type_name(int data_type);
/// Refuses by name what is no number that is read here: strings, complex, FP8, INT4.
Type type_of(const Place& place, int data_type);
/// The numbers as doubles, exactly.
Tensor read_tensor(const Place& place, const onnx::TensorProto& tensor);

/// `place` is the attribute's. Refuses graphs in the graph.
Attribute read_attribute(const Place& place, const onnx::AttributeProto& attribute);

/// More axes than this, no operator has a use for.
inline constexpr int most_axes = 64;

}  // namespace tangram::onnx_file
