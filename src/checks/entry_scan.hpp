#pragma once
// One reading of every entry of a kernel file. Private to checks/entry_check.cpp, whose public header says
// what for.

#include "tangram/file/tile_file.hpp"

#include <vector>

namespace tangram {

/// What this rank's tiles (and their mirrors) contribute; [matrix of the shape].
struct EntryScan {
    std::vector<std::vector<double>> products;         ///< K v by row
    std::vector<std::vector<double>> sizes;            ///< |K| |v| by row
    std::vector<std::vector<double>> column_products;  ///< K^T u by column; of rectangular matrices only
    std::vector<std::vector<double>> column_sizes;     ///< |K|^T |u| by column
    std::vector<double> traces;
    /// max K_ii, which no entry of a positive semi-definite K exceeds; max |K_ij| of a rectangular matrix
    std::vector<double> largest;
    std::vector<double> smallest;     ///< min K_ii; infinity where this rank has none
    std::vector<Index> smallest_row;  ///< and its row, -1 where this rank has none
    /// Rows whose K_ii is neither zero nor as large as the smallest number of full precision.
    std::vector<std::vector<Index>> underflowing;
    std::vector<double> asymmetry;  ///< max |K - K^T|
    double sum_difference = 0;      ///< max |K - sum of components|
};

/// Reads the tiles on `threads` threads. v: one entry a column of the total, u: one a row. Not collective. Throws Error(io).
EntryScan scan_entries(const TileFile& file, const Shape& shape, const std::vector<Tile>& tiles, int threads,
                       const std::vector<double>& v, const std::vector<double>& u);

}  // namespace tangram
