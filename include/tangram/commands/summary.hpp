#pragma once
// What a kernel run tells people: the plan when it starts (stderr), the result when it ends (stdout).

#include "tangram/output/metadata.hpp"

#include <string>

namespace tangram {

/// Panels, tiles, grid, bytes to disk.
std::string describe_plan(const KernelShape& shape, const Grid& grid, int ranks, int threads);

/// The finished file, its checks and what it took.
std::string summary(const KernelMetadata& metadata, const std::string& path, Index file_bytes);

}  // namespace tangram
