#pragma once
// Reading and writing tiles of a kernel file where they lie, past HDF5 and past the page cache.
//
// HDF5 lays every matrix out when the file is created (chunk = tile, allocated early, in order); from then on
// tile (I, J) of a matrix with B column panels is a run of bytes at a known place:
//
//   chunk (I, J) = T'_row x T'_column values, row-major, at  begin + (I B + J) stride     T': Shape::tile_rows, tile_columns
//   a tile at the edge uses the first rows and columns of its chunk, the rest of which is zero
//   where the lower tiles alone are stored, only these have chunks, each at a place that is looked up; the others are read transposed
//
// Chunks begin on pages, so O_DIRECT moves whole chunks between memory and disk without the processor: through
// the page cache a write costs processor time that the tiles need (docs/performance.md). Where the file system does not know O_DIRECT, or a chunk is no whole number of pages, the page cache is used.
//
// Nothing here calls HDF5 or MPI after the constructor: any thread may read and write.

#include "tangram/grid/shape.hpp"
#include "tangram/support/file_descriptor.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Bytes [begin, end) of a file.
struct ByteRange {
    Index begin = 0;
    Index end = 0;
};

class TileFile {
public:
    enum class Access { read, read_write };
    /// Asks HDF5 for the layout of the file that create_kernel_file() made. Not collective.
    /// Throws Error(io) if the file cannot be opened, or does not hold the matrices of `shape` as above.
    TileFile(const std::string& path, const Shape& shape, Access access);

    /// Writes one tile with the whole chunk that it starts: `values` has ld = T'_column, room for T'_row rows, and zeros
    /// beyond the tile. Throws Error(no_resources) if the disk is full, Error(io) on anything else.
    template <class T>
    void write(std::size_t matrix, const Tile& block, ConstMatrixView<T> values) const;

    /// The tile at panels (row, column), in `memory`, which holds a whole chunk: transposed, where the file has its mirror alone. Throws
    /// Error(io).
    template <class T>
    ConstMatrixView<T> read(std::size_t matrix, const Tile& block, T* memory) const;

    /// Some entries of a matrix, from (row, col) on, all in one tile. Throws Error(io).
    void read_entries(std::size_t matrix, Index row, Index col, MatrixView<double> out) const;

    /// Writes rows [first, first + rows.rows) of the shape's array, rounded to the precision of the file.
    void write_rows(std::size_t array, Index first, ConstMatrixView<double> rows) const;

    /// Where the matrices and arrays lie.
    [[nodiscard]] std::vector<ByteRange> array_ranges() const;

    /// Brings to disk what this rank wrote. Throws Error(io).
    void sync() const;

private:
    struct Place {
        Index begin = 0;   ///< of the first chunk in the file
        Index stride = 0;  ///< from one chunk to the next
        Index chunk_rows = 0;
        Index chunk_columns = 0;
        Index rows_each = 1;
        bool direct = false;           ///< whether its chunks are whole pages
        std::vector<Index> offsets{};  ///< of a matrix of which the lower tiles alone are there: of each
    };
    /// Entries of a tile that is there, from (row, col) of the matrix on.
    void read_part(const Place& place, Index row, Index col, Index count, void* out) const;
    [[nodiscard]] Index offset_of(std::size_t matrix, const Tile& block) const;
    /// The descriptor that can move whole chunks between `memory` and `place`.
    [[nodiscard]] const FileDescriptor& descriptor_for(const Place& place, const void* memory) const;

    /// One of the arrays.
    struct Rows {
        Index begin = 0;
        Index count = 0;
        Index columns = 0;
    };
    Axes axes_;
    bool lower_;
    Precision precision_;
    std::vector<Place> places_;  ///< by matrix
    std::vector<Rows> arrays_;
    FileDescriptor cached_;
    FileDescriptor direct_;  ///< closed where O_DIRECT is not to be had
};

}  // namespace tangram
