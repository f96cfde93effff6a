#pragma once
// The life of an output file:
//
//   OUT.h5.partial   created, its space reserved on disk, being written
//   OUT.h5           whole, and its checks passed
//   OUT.h5.failed    whole, and a check failed
//
// Each step is taken by one rank.

#include "tangram/support/log.hpp"
#include "tangram/support/matrix.hpp"

#include <string>
#include <vector>

namespace tangram {

struct OutputPaths {
    explicit OutputPaths(const std::string& output);
    std::string finished;   ///< OUT.h5
    std::string partial;    ///< OUT.h5.partial
    std::string failed;     ///< OUT.h5.failed
    std::string directory;  ///< that of OUT.h5
};

/// Throws Error(io) unless files can be made in `directory`.
void require_directory(const std::string& directory);

/// Refuses an output that is there already (unless `overwrite`), cannot be made, or is one of the `inputs`.
/// One rank. Throws Error(usage) or Error(io).
void require_writable(const OutputPaths& paths, bool overwrite, const std::vector<std::string>& inputs);

/// Throws Error(no_resources) with the bytes needed and free if the output's file system has no room for `bytes`.
void require_space(const OutputPaths& paths, Index bytes);

/// Reserves the whole of the file `path`, whose size is final, on disk. Where the file system cannot reserve,
/// compares the free space and warns. Throws Error(no_resources) with the bytes needed and free.
void reserve_space(const std::string& path, Log& log);

/// Makes the file durable and gives it its final name: OUT.h5, or OUT.h5.failed when a check failed. One
/// rank. Returns that name. Throws Error(io).
std::string publish(const OutputPaths& paths, bool checks_failed);

}  // namespace tangram
