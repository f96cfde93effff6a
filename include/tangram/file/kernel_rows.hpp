#pragma once
// Whole rows and columns of a matrix in a kernel file, gathered from its tiles.

#include "tangram/file/tile_file.hpp"

#include <vector>

namespace tangram {

/// Row `row` of matrix `m`, whole. Throws Error(io).
void read_row(const TileFile& file, const Shape& shape, std::size_t m, Index row, std::vector<double>& out);

/// Rows one after the other, ascending: of a file that has the lower tiles alone some are read at once, since a row lies across its tiles.
class RowReader {
public:
    /// All of which must stay.
    RowReader(const TileFile& file, const Shape& shape, std::size_t m) : file_(file), shape_(shape), m_(m) {}
    void read(Index row, std::vector<double>& out);

private:
    const TileFile& file_;
    const Shape& shape_;
    std::size_t m_;
    Matrix<double> band_;
    Index first_ = -1;  ///< row of the band; -1: there is none
};

/// Column `column`, whole. Throws Error(io).
void read_column(const TileFile& file, const Shape& shape, std::size_t m, Index column,
                 std::vector<double>& out);

}  // namespace tangram
