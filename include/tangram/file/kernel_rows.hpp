#pragma once
// Whole rows and columns of a matrix in a kernel file, gathered from its tiles.

#include "tangram/file/tile_file.hpp"

#include <vector>

namespace tangram {

/// Row `row` of matrix `m`, whole. Throws Error(io).
void read_row(const TileFile& file, const Shape& shape, std::size_t m, Index row, std::vector<double>& out);

/// Column `column`, whole. Throws Error(io).
void read_column(const TileFile& file, const Shape& shape, std::size_t m, Index column,
                 std::vector<double>& out);

}  // namespace tangram
