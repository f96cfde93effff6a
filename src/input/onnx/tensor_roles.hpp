#pragma once
// Which tensors of an ONNX file are parameters. A floating initializer is one, but for what a file cannot mean as one: the
// statistics of a normalization, bounds, ratios. The exporter's own list (metadata entry tangram.parameters), --wrt and
// --frozen decide further. Private to input/onnx/.

#include "onnx_model.hpp"
#include "tangram/input/graph.hpp"

#include <set>

namespace tangram::onnx_file {

/// Exporters keep one of several equal initializers and feed the others by Identity nodes, whose outputs have the original
/// names: each becomes a tensor of its own again. One that is really shared has several consumers and no Identity.
Model with_tensors_of_their_own(Model model);

struct TensorRoles {
    std::set<std::string> parameters;
    std::vector<std::string> notes;
};

/// Throws Error(usage) where --wrt or --frozen match nothing, with the names that there are.
TensorRoles roles_of_tensors(const Model& model, const std::vector<const Node*>& nodes,
                             const GraphOptions& options);

}  // namespace tangram::onnx_file
