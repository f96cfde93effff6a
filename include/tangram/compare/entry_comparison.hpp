#pragma once
// Every entry of another program's kernel OTHER against what is expected of it,
//
//   M = sum_m w_m K_m + lambda I + beta          K_m: the matrices of a kernel file, most w_m zero
//
// tile by tile, each read once, by the rank whose turn it is: no rank holds an m x n matrix. A matrix that is not symmetric
// has no identity: there lambda means nothing.

#include "tangram/compare/compared_files.hpp"
#include "tangram/compare/explanation.hpp"

#include <vector>

namespace tangram {

/// What OTHER is expected to be.
struct KernelModel {
    std::vector<double> weights;  ///< w_m, one a matrix of the file
    double ridge = 0;             ///< lambda
    double offset = 0;            ///< beta
};

/// The kernel itself: w = 1 for /ntk.
KernelModel as_it_is(const Shape& shape);

/// The explanation as weights of the file's matrices: of the kernel, and of the components that differ from it.
KernelModel model_of(const Shape& shape, const Explanation& explanation);

/// Over the entries of every row, or of every column, that are there.
struct LineSums {
    std::vector<double> sum, square;
};

struct MatrixSums {
    LineSums rows, columns;        ///< (m), (n)
    std::vector<double> diagonal;  ///< (n); none where rows and columns are not the same samples
};

struct EntryComparison {
    double largest = 0;        ///< max |M|
    double largest_other = 0;  ///< max |OTHER|
    double worst = 0;          ///< max |OTHER - M|
    double mean_square = 0;    ///< of OTHER - M
    Tile worst_tile{};         ///< where it is
    Index worst_row = 0, worst_column = 0;
    Index tiles = 0;
    Index tiles_off = 0;         ///< with an entry that is off by more than the limit
    double worst_elsewhere = 0;  ///< max |OTHER - M| in the others
    MatrixSums ours, theirs;     ///< of M and of OTHER
};

/// Collective. `relative_limit`: of max |K_ii|, beyond which a tile counts as off. The same on every rank. Throws
/// AgreedError.
EntryComparison compare_entries(const ComparedFiles& files, const KernelModel& model, double relative_limit);

}  // namespace tangram
