#pragma once
// Every entry of another program's kernel OTHER against what is expected of it,
//
//   M = sum_m w_m K_m + beta          K_m: the matrices of a kernel file, most w_m zero
//
// tile by tile, each read once, by the rank whose turn it is: no rank holds an n x n matrix.

#include "tangram/output/kernel_file.hpp"
#include "tangram/output/other_kernel.hpp"
#include "tangram/output/tile_file.hpp"
#include "tangram/support/mpi.hpp"

#include <vector>

namespace tangram {

/// What OTHER is expected to be.
struct KernelModel {
    std::vector<double> weights;  ///< w_m, one a matrix of the file
    double offset = 0;            ///< beta
};

/// The kernel itself: w = 1 for /ntk.
KernelModel as_it_is(const KernelShape& shape);

struct EntryComparison {
    double largest = 0;        ///< max |M|
    double largest_other = 0;  ///< max |OTHER|
    double worst = 0;          ///< max |OTHER - M|
    double mean_square = 0;    ///< of OTHER - M
    Tile worst_tile{};         ///< where it is
    Index worst_row = 0, worst_column = 0;
    Index tiles = 0;
    Index tiles_off = 0;                           ///< with an entry that is off by more than the limit
    double worst_elsewhere = 0;                    ///< max |OTHER - M| in the others
    std::vector<double> diagonal, diagonal_other;  ///< (n)
    std::vector<double> row_sums, row_sums_other;  ///< (n)
};

/// Collective. `relative_limit`: of max |K_ii|, beyond which a tile counts as off. The same on every rank. Throws
/// AgreedError.
EntryComparison compare_entries(const mpi::Communicator& world, const KernelFile& kernel,
                                const TileFile& file, const OtherKernel& other, const KernelModel& model,
                                double relative_limit);

}  // namespace tangram
