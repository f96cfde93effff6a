#pragma once
// A network that was put together node by node, made lean: what leads nowhere is dropped, and a parameter matrix that meets
// one vector a sample becomes a layer of its own, with the cheap form of gradient. Private to input/onnx/.

#include "tangram/network/network.hpp"

namespace tangram::onnx_file {

/// Drops the nodes, values and tensors that the output does not depend on, after turning, where A is a value of one row,
///
///   MatMul(A, Parameter W), with or without  Add(.., Parameter B),  W and B used nowhere else      into      Dense(A; W, B)
void tidy(Network& network);

}  // namespace tangram::onnx_file
