// What an ONNX file begins with. Protobuf has no mark of its own, but writers put fields in the order of their numbers: the
// version of the format, field 1, and then one of ModelProto's others.

#include "onnx_model.hpp"

namespace tangram::onnx_file {

bool looks_like_onnx(std::string_view first_bytes) {
    if (first_bytes.size() < 3) return false;
    constexpr char version_tag = 0x08;
    // Versions 1 and 2 are before any that is read here, and TensorFlow's saved models begin with a 1 in the same place.
    const bool is_version = first_bytes[0] == version_tag && first_bytes[1] >= 3 && first_bytes[1] < 32;
    // producer_name, producer_version, domain, model_version, doc_string, graph, opset_import, metadata_props; and the first
    // byte of training_info, of functions.
    constexpr std::string_view tags = "\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca";
    return is_version && tags.find(first_bytes[2]) != tags.npos;
}

}  // namespace tangram::onnx_file
