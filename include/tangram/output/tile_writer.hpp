#pragma once
// The big arrays of the kernel file, written under MPI-IO tile by tile: no rank ever holds an N x N matrix.
//
//   create(): every dataset is made and its space allocated, the file closed, its space reserved on disk
//   TileWriter: opened again by all ranks; each writes its own tiles and rows independently
//   strings, attributes and small tables follow when it is closed (output/finish.hpp): parallel HDF5 cannot
//   write them

#include "tangram/kernel/assembly.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/log.hpp"
#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <vector>

namespace tangram {

/// Collective. Creates `path` with the big datasets of `shape`, and reserves its space on disk.
/// Throws AgreedError(no_resources) with the bytes needed if the space is not there.
void create_kernel_file(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                        Log& log);

class TileWriter {
public:
    /// Collective. Opens the file that create_kernel_file made.
    TileWriter(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape);

    /// Writes one block and remembers its checksum. Not collective. Throws Error(io).
    template <class T>
    void write(const FinishedPlane<T>& plane);
    /// Writes the outputs of samples [first, first + outputs.rows). Not collective. Throws Error(io).
    void write_outputs(Index first, ConstMatrixView<double> outputs);

    /// Collective. Closes the file. Throws Error(io).
    void close();

    /// [matrix]: the XXH3 of each tile that this rank wrote, (tiles, tiles) row-major, 0 elsewhere.
    [[nodiscard]] std::vector<std::vector<std::uint64_t>>& checksums() { return checksums_; }
    /// Bytes that this rank wrote.
    [[nodiscard]] Index bytes_written() const { return bytes_written_; }

private:
    h5::Handle file_;
    std::vector<h5::Handle> matrices_;
    h5::Handle outputs_;
    Index tiles_;
    std::vector<std::vector<std::uint64_t>> checksums_;
    Index bytes_written_ = 0;
};

}  // namespace tangram
