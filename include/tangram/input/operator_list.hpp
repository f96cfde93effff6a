#pragma once
// The operators of ONNX that a network may have, told by the tables that read them.

#include <string>

namespace tangram {

/// A table in Markdown, a row a group of operators that become the same: names, opsets, what they become, the forms of their
/// parameters' gradients, derivatives and limits; then those that are refused, with what helps.
std::string list_operators();

}  // namespace tangram
