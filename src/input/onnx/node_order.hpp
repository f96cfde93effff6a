#pragma once
// Which node gives which value, and the nodes in an order in which each value is made before it is used. Private to input/onnx/.

#include "onnx_model.hpp"

namespace tangram::onnx_file {

/// "node 'name' (Conv)", for messages. A node without a name goes by its first output: "the node of 'y' (Conv)".
std::string place_of(const Node& node);

/// Puts the nodes in order; those that are in order stay as they are. Throws Error(bad_input) naming the node, initializer, input
/// or output: a value that is defined twice, that nobody defines, or that is made of itself.
void order_nodes(Model& model);

}  // namespace tangram::onnx_file
