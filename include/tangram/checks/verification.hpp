#pragma once
// Is a finished kernel file what was written, and a kernel? Every tile is read once:
//
//   checksum          XXH3 of tile (I, J) of every matrix against /checksums/<dataset>[I, J]
//   finite            no NaN, no infinity; nothing negative on a diagonal: all matrices are Gram matrices
//   symmetry          tile (I, J) against the transpose of tile (J, I): mirrored when written, so the same bits
//   sum of components /ntk against the sum of the components, within rounding
//
// A tile whose checksum is wrong is not looked at further, so that what is named is the tile at fault and not one
// that is compared with it.

#include "tangram/file/kernel_file.hpp"
#include "tangram/support/mpi.hpp"

#include <string>
#include <vector>

namespace tangram {

/// What one matrix turned out to be.
struct MatrixVerification {
    Index changed_tiles = 0;    ///< whose checksum is wrong
    Index unlike_entries = 0;   ///< that differ from their mirror image
    double symmetry_error = 0;  ///< max |K - K^T| / max K_ii
    Index bad_tiles = 0;        ///< with any fault
    double largest_on_diagonal = 0;
};

struct Verification {
    std::vector<MatrixVerification> matrices;  ///< [matrix of the shape]
    bool has_sum = false;                      ///< whether there are components
    double sum_error = 0;  ///< max over entries of |K - sum of components| / (sum of their absolute values)
    double sum_limit = 0;  ///< what rounding makes of it
    Index tiles = 0;       ///< that were read, of all matrices
    Index bytes = 0;
    Index bad_tiles = 0;
    /// On root: the first bad tile by matrix, row and column, in words as an error says them; "" if all are good.
    std::string first_fault;
};

/// Collective. Ranks share the tiles, each on `threads` threads. The same on every rank but for first_fault, and for
/// any number of them. Throws AgreedError(io).
Verification verify_tiles(const mpi::Communicator& comm, const KernelFile& kernel, int threads);

/// Throws Error(check_failed) unless what is not a tile is as it was written; returns whether that was recorded. One
/// rank. Throws Error(io).
bool verify_contents(const KernelFile& kernel);

}  // namespace tangram
