#pragma once
// How messages about networks end that named tensors alone do not tell: tied weights, residual blocks, normalizations.

namespace tangram {

/// After "a state_dict does not tell; ".
inline constexpr const char* a_graph_tells =
    "ONNX does: export the model (jobs/export.py) and give the .onnx as --model";

}  // namespace tangram
