#pragma once
// f(x) of one constant, for what is computed when the file is read. Private to input/onnx/.

#include "tangram/network/operator.hpp"

namespace tangram::onnx_file {

double value_of(const Apply& op, double x);

}  // namespace tangram::onnx_file
