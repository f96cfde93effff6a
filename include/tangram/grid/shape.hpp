#pragma once
// The shape of a set of matrices that share their axes and tiles: what a product makes, and what a kernel file holds.
//
//   matrix   (rows, columns) = (row axis extent * rows_each, column axis extent * rows_each), stored in tiles of
//            (T_row rows_each, T_column rows_each), T the whole panels of the two axes
//   array    (rows, columns), one row a sample: the network's outputs

#include "tangram/grid/axis.hpp"
#include "tangram/support/precision.hpp"

#include <string>
#include <variant>
#include <vector>

namespace tangram {

/// The sum that the file is about, a part of that sum, or neither.
enum class Role { total, component, other };

/// What is said of a matrix beside its numbers, for whoever writes it down.
struct Attribute {
    std::string name;
    std::variant<Index, double, std::string, std::vector<std::string>, std::vector<std::int64_t>> value;
};

struct StoredMatrix {
    Role role = Role::total;
    std::string path;     ///< of the dataset: "/ntk", "/components/fc1.weight"
    std::string name;     ///< "ntk", "fc1.weight", "fc1", "parameter_gram"
    Index rows_each = 1;  ///< rows of one unit: C for the kernel and components of reduction full
    Index source =
        -1;  ///< what it is of, as its product counts: a tensor, a step; -1: not known, as of a file
    std::vector<Attribute> attributes{};
    [[nodiscard]] bool is_component() const { return role == Role::component; }
};

/// The arrays that there may be.
inline constexpr const char* outputs_path = "/outputs";
inline constexpr const char* test_outputs_path = "/test_outputs";

struct StoredArray {
    std::string path;
    Index rows = 0;
    Index columns = 0;
};

struct Shape {
    Axes axes;
    Precision precision = Precision::float32;
    std::vector<StoredMatrix> matrices;  ///< in the order in which a tile produces them, the total last
    std::vector<StoredArray> arrays;
    bool stored = true;  ///< whether the matrices are in the file; else tiles are made, looked at and dropped
    bool lower = false;  ///< of a symmetric matrix: whether the file has the tiles (I, J) with I >= J alone
    bool mirrors = true;  ///< of a symmetric matrix: whether the tiles across the diagonal are wanted too

    [[nodiscard]] const StoredMatrix& total() const { return matrices.back(); }
    [[nodiscard]] Index rows(const StoredMatrix& matrix) const { return axes.row.extent * matrix.rows_each; }
    [[nodiscard]] Index columns(const StoredMatrix& matrix) const {
        return axes.column.extent * matrix.rows_each;
    }
    [[nodiscard]] std::size_t total_index() const { return matrices.size() - 1; }
    /// Rows and columns of one whole tile of it.
    [[nodiscard]] Index tile_rows(const StoredMatrix& matrix) const {
        return axes.row.whole() * matrix.rows_each;
    }
    [[nodiscard]] Index tile_columns(const StoredMatrix& matrix) const {
        return axes.column.whole() * matrix.rows_each;
    }
    /// Entries of the largest whole tile.
    [[nodiscard]] Index tile_entries() const { return tile_rows(total()) * tile_columns(total()); }
    /// Whether the file has the tile across the diagonal too.
    [[nodiscard]] bool stores_mirror(const Tile& tile) const { return axes.is_mirrored(tile) && !lower; }
    /// Whether the file has the tile as it is, and not as another's transpose.
    [[nodiscard]] bool stores(const Tile& tile) const { return !lower || axes.computed(tile) == tile; }
    /// Planes of one tile that are written: each matrix once, or twice where its mirror is stored.
    [[nodiscard]] std::size_t planes_of(const Tile& tile) const {
        return matrices.size() * (stores_mirror(tile) ? 2 : 1);
    }
    /// Tiles of a matrix that the file has.
    [[nodiscard]] Index tiles_in_file() const { return lower ? axes.tiles() : axes.stored_tiles(); }
    [[nodiscard]] bool has_components() const;
};

/// Throws Error(usage) if the tiles are larger than HDF5 can hold in one chunk.
void require_tiles_fit(const Shape& shape);

}  // namespace tangram
