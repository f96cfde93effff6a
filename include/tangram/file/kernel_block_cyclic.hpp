#pragma once
// A matrix of a kernel file, or a sum of several, dealt out in blocks, straight from the tiles:
//
//   A = 2^-exponent scale (K_1 + K_2 + ..)      in float64, whatever the file's precision

#include "tangram/file/kernel_file.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/support/block_cyclic.hpp"

#include <vector>

namespace tangram {

/// Which matrices of a file are added up, and what they are multiplied with.
struct KernelSum {
    std::vector<std::size_t> matrices;  ///< numbers in Shape::matrices
    double scale = 1;
    int exponent = 0;  ///< of 2: brings entries of any size near one
};

/// Fills `local`, the part of the sum that `layout` gives this rank. Not collective. Throws Error(io), and
/// Error(bad_input) at an entry that is not finite, or whose multiple is not.
void read_block_cyclic(const TileFile& file, const KernelFile& kernel, const KernelSum& sum,
                       const BlockCyclic& layout, AlignedBuffer<double>& local);

/// Rows [first, first + out.rows) of the sum, whole, into `out` (rows, columns). Not collective. Throws as above.
void read_kernel_rows(const TileFile& file, const KernelFile& kernel, const KernelSum& sum, Index first,
                      MatrixView<double> out);

}  // namespace tangram
