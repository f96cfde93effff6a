#pragma once
// What the machine gives when nothing of tangram is in the way: products of large matrices, and one large file.

#include "tangram/support/mpi.hpp"

#include <string>

namespace tangram {

/// Collective. Operations a second of all ranks and threads at once, each multiplying C = A B^T of its own in
/// values of T with one BLAS thread, as the tile loop does. A multiply and an add are two operations.
template <class T>
double gemm_peak(const mpi::Communicator& world, int threads);

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
