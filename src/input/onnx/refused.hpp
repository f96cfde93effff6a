#pragma once
// Operators that are refused by name, with the reason and what helps. Private to input/onnx/.

#include "lowering.hpp"

#include <array>

namespace tangram::onnx_file {

struct Refusal {
    const char* op_type;
    const char* why;
    const char* advice;
};

std::span<const Refusal> refusals();

}  // namespace tangram::onnx_file
