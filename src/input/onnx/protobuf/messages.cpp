#include "messages.hpp"

#include "../node_order.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

namespace tangram::onnx_file {

namespace {

constexpr int deepest = 64;  ///< messages in each other; a graph without graphs in it needs six

}  // namespace

void refuse(const Place& place, const std::string& what, const std::string& advice) {
    fail(ExitCode::bad_input, "{}: {}: {}: {}", place.path, place.what, what, advice);
}

onnx::ModelProto read_message(const std::string& path, const std::string& bytes) {
    if (bytes.size() > std::size_t{most_bytes})
        refuse({path, "the model"}, fmt::format("it takes {} bytes, and ONNX ends at 2 GiB", bytes.size()),
               "store large tensors in a file beside it (external data)");
    const google::protobuf::LogSilencer says_nothing_itself;
    google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                  static_cast<int>(bytes.size()));
    stream.SetRecursionLimit(deepest);
    onnx::ModelProto model;
    if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
        refuse({path, "the model"}, "not a whole ONNX file (no protobuf message ends with the file)",
               "copy or export it again");
    return model;
}

Node node_head(const onnx::NodeProto& node) {
    return {node.op_type(),
            node.domain(),
            node.name(),
            {node.input().begin(), node.input().end()},
            {node.output().begin(), node.output().end()},
            {}};
}

Place place_of(const std::string& path, const onnx::TensorProto& initializer) {
    return {path, fmt::format("initializer '{}'", printable(initializer.name()))};
}

Place place_of(const std::string& path, const Node& node, const onnx::AttributeProto& attribute) {
    return {path, fmt::format("{}, attribute '{}'", place_of(node), printable(attribute.name()))};
}

}  // namespace tangram::onnx_file
