#pragma once
// What the machine gives when nothing of tangram is in the way: one large file. (Products of large matrices are
// in support/gemm_probe.hpp.)

#include "tangram/support/mpi.hpp"

#include <string>

namespace tangram {

/// Collective. The seconds in which rank 0 alone writes `bytes` bytes to the fresh file `path` in large blocks
/// through the page cache and brings them to disk, as `dd conv=fsync` does. The file is removed.
double plain_write_seconds(const mpi::Communicator& world, const std::string& path, Index bytes);

/// Removes the file `path` ("": none) when it goes out of scope.
class RemovedAtEnd {
public:
    explicit RemovedAtEnd(std::string path) : path_(std::move(path)) {}
    ~RemovedAtEnd();
    RemovedAtEnd(const RemovedAtEnd&) = delete;
    RemovedAtEnd& operator=(const RemovedAtEnd&) = delete;

private:
    std::string path_;
};

}  // namespace tangram
