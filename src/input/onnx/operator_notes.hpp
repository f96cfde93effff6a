#pragma once
// What is said of the operators that are read: beside the table of how (lowering.hpp), one of what. Private to input/onnx/.

#include <span>

namespace tangram::onnx_file {

struct OperatorNote {
    const char* operators;  ///< names, in alphabetical order, spaces between them
    const char* opsets;
    const char* becomes;  ///< operators of the network (network/operator.hpp)
    const char* forms;    ///< of the gradients of parameters that come in here
    const char* notes;    ///< derivatives where they are a choice, and limits
};

/// Each operator that is read stands in one of them.
std::span<const OperatorNote> operator_notes();

}  // namespace tangram::onnx_file
