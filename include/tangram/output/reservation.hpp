#pragma once
// Disk space that is there before the computing starts.

#include "tangram/support/log.hpp"

#include <string>

namespace tangram {

/// Reserves the whole of the file `path`, whose size is final, on disk. Where the file system cannot reserve,
/// compares the free space and warns. Throws Error(no_resources) with the bytes needed and free. One rank.
void reserve_space(const std::string& path, Log& log);

}  // namespace tangram
