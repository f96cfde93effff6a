#pragma once
// The changes of a reading that other_readings.cpp has in its table. Each is false where there is nothing to change. Private to
// input/onnx/.

#include "reading.hpp"

namespace tangram::onnx_file {

/// Behind Conv; behind Conv and Gemm, where there is a Gemm.
bool fuse_into_convolutions(Reading& reading);
bool fuse_into_any_layer(Reading& reading);
bool count_statistics(Reading& reading);
bool unshare(Reading& reading);

}  // namespace tangram::onnx_file
