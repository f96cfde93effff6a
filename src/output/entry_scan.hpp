#pragma once
// One reading of every entry of a kernel file. Private to output/entry_check.cpp, whose public header says
// what for.

#include "tangram/output/tile_file.hpp"

#include <cstdint>
#include <vector>

namespace tangram {

/// What this rank's tiles (and their mirrors) contribute; [matrix of shape.matrices].
struct EntryScan {
    std::vector<std::vector<double>> products;  ///< K v by kernel row
    std::vector<std::vector<double>> sizes;     ///< |K| |v| by kernel row
    std::vector<double> traces;
    std::vector<double> largest;      ///< max K_ii, which no entry of a positive semi-definite K exceeds
    std::vector<double> smallest;     ///< min K_ii; infinity where this rank has none
    std::vector<Index> smallest_row;  ///< and its row, -1 where this rank has none
    std::vector<double> asymmetry;    ///< max |K - K^T|
    double sum_difference = 0;        ///< max |K - sum of components|
};

/// Reads the tiles on `threads` threads. Not collective. Throws Error(io).
EntryScan scan_entries(const TileFile& file, const KernelShape& shape, const std::vector<Tile>& tiles,
                       int threads, std::uint64_t seed);

}  // namespace tangram
