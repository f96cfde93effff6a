#pragma once
// A kernel file and another program's kernel, open on every rank: what every comparison of entries looks at.

#include "tangram/compare/other_kernel.hpp"
#include "tangram/file/kernel_file.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/support/mpi.hpp"

#include <vector>

namespace tangram {

struct ComparedFiles {
    const mpi::Communicator& world;
    const KernelFile& kernel;
    const TileFile& file;  ///< its tiles
    const OtherKernel& other;

    /// Of our kernel.
    [[nodiscard]] Index rows() const { return kernel.shape.rows(kernel.shape.total()); }
    [[nodiscard]] Index columns() const { return kernel.shape.columns(kernel.shape.total()); }

    /// Row `row`, whole, of our kernel and of one with its shape. Throws Error(io).
    void read_ours(Index row, std::vector<double>& out) const;
    void read_theirs(Index row, std::vector<double>& out) const;
};

}  // namespace tangram
