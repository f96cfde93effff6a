// What the folder protobuf/ gives, in a program that is built without protobuf's and ONNX's headers and libraries.

#include "onnx_model.hpp"
#include "tangram/support/error.hpp"

namespace tangram::onnx_file {

namespace {

[[noreturn]] void refuse_all(const std::string& path) {
    fail(ExitCode::bad_input,
         "{}: this tangram was built without ONNX: install libonnx-dev and libprotobuf-dev and build again",
         path);
}

}  // namespace

Bytes read_bytes(const std::string& path) {
    refuse_all(path);
}

Model parse(const std::string& path, const std::string&) {
    refuse_all(path);
}

}  // namespace tangram::onnx_file
