#pragma once
// Which tensors of a model count as parameters: --wrt and --frozen, shell patterns on their names.

#include "tangram/input/graph.hpp"

#include <set>
#include <string>
#include <vector>

namespace tangram {

bool matches_any(const std::string& name, const std::vector<std::string>& patterns);

/// Throws Error(usage) where a pattern of either matches none of the tensors' names, with the names that there are.
void require_that_patterns_match(const GraphOptions& options, const std::set<std::string>& names,
                                 const std::string& path);

}  // namespace tangram
