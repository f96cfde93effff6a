#pragma once
// A model's nodes as a network: its inputs, then each node by its lowering, its initializers where they are first used. Private to
// input/onnx/.

#include "builder.hpp"
#include "table.hpp"
#include "tangram/input/graph.hpp"

#include <set>

namespace tangram::onnx_file {

/// Before anything is chosen: no output, nothing dropped.
struct LoweredModel {
    Network network{};                        ///< its one input is all of the model's, one after the other
    std::map<std::string, Operand> values{};  ///< by name, those that constants alone make too
    std::vector<TableRow> rows{};             ///< one a node
};

/// `nodes` in an order in which each value is made before it is used; `parameters`: the initializers that are, all others are
/// constants. Throws Error(bad_input) naming file and node.
LoweredModel lower_model(const Model& model, const std::vector<GraphInput>& inputs,
                         const std::vector<const Node*>& nodes, const std::set<std::string>& parameters);

}  // namespace tangram::onnx_file
