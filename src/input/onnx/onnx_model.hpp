#pragma once
// An ONNX file as it stands, before it is made a network: nodes, attributes, tensors. Plain data, without protobuf. Private to
// input/onnx/.

#include "tangram/support/matrix.hpp"

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace tangram::onnx_file {

enum class Type {
    number,
    integer,
    boolean
};  ///< F64, F32, F16, BF16; signed and unsigned integers of 8 to 64 bits

/// Integers and booleans are held as doubles too: those beyond 2^53 are refused, but for INT64_MAX and INT64_MIN ("to the end"
/// of Slice), which become +-9007199254740992.
struct Tensor {
    std::string name;
    std::vector<Index> shape;  ///< () for one number
    Type type = Type::number;
    std::vector<double> values;  ///< row-major
};

using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>,
                               std::vector<double>, std::vector<std::string>, Tensor>;

struct Node {
    std::string op_type, domain, name;
    std::vector<std::string> inputs, outputs;  ///< names of values; "" for one that is left out
    std::map<std::string, Attribute> attributes;
};

/// What a graph is given or gives.
struct ValueInfo {
    std::string name;
    Type type = Type::number;
    bool has_shape = false;
    std::vector<Index> shape;  ///< -1: dynamic
};

struct Model {
    std::string path;  ///< for messages
    std::int64_t ir_version = 0;
    std::int64_t opset = 0;  ///< of the domains "" and "ai.onnx"
    std::string producer;
    std::vector<Node> nodes;
    std::vector<Tensor> initializers;
    std::vector<ValueInfo> inputs;  ///< without those that are initializers too
    std::vector<ValueInfo> outputs;
    std::map<std::string, std::string> metadata;  ///< metadata_props
};

/// The first bytes look like an ONNX file's; a file named *.onnx counts too (model_file.cpp).
bool looks_like_onnx(std::string_view first_bytes);

/// One rank. The bytes of the file with all external tensors inside, and the paths of the files that those were in. Throws
/// Error(bad_input) naming file and tensor: missing, outside the model's folder, too short, too large together (2 GiB).
struct Bytes {
    std::string model;
    std::vector<std::string> external_files;
};
Bytes read_bytes(const std::string& path);

/// What the bytes of read_bytes() say. Throws Error(bad_input) naming the file and the node, tensor or field that cannot be
/// read: truncated, subgraphs, sparse or quantized tensors, functions, opsets below 9 and above 21 by number.
Model parse(const std::string& path, const std::string& bytes);

}  // namespace tangram::onnx_file
