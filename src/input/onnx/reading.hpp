#pragma once
// A model between its file and the network: what it says, which of its tensors count, and whose kernel it is. Private to
// input/onnx/.

#include "onnx_model.hpp"
#include "tangram/input/graph.hpp"

#include <set>

namespace tangram::onnx_file {

struct Reading {
    Model model;
    std::set<std::string> parameters;  ///< initializers; all others are constants
    std::vector<std::string> notes;
    std::string output;  ///< the value whose kernel it is
};

/// Throws as make_graph() does.
Reading read_model_file(const GraphFile& file, const GraphOptions& options);
/// The same; of shapes that do not fit, ShapeError.
Graph make_graph_of(const Reading& reading, Index batch = 1);

}  // namespace tangram::onnx_file
