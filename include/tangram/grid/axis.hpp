#pragma once
// The axes of a matrix, cut into panels, and the tiles where panels meet: pure arithmetic, the same on every rank.
//
//   axis    N units (samples, test samples, parameters) = B panels of T (the last may be shorter)
//           panel I: units [I T, min((I + 1) T, N))
//   axes    rows and columns; symmetric: both are one axis, and only tiles (I, J) with I >= J are computed, B (B + 1) / 2 of
//           them, the other triangle is mirrored. Rectangular: all B_row B_column tiles.
//   number  panels of both axes counted through: row panels first, then column panels; of a symmetric matrix each once

#include "tangram/support/matrix.hpp"

#include <cassert>
#include <functional>
#include <vector>

namespace tangram {

enum class Unit { sample, test_sample, parameter };
/// "sample", "test sample", "parameter"
const char* name_of(Unit unit);

struct Axis {
    Index extent = 0;      ///< N
    Index panel_size = 1;  ///< T
    Unit unit = Unit::sample;

    /// B
    [[nodiscard]] Index panels() const { return (extent + panel_size - 1) / panel_size; }
    [[nodiscard]] Index begin(Index panel) const {
        assert(panel >= 0 && panel <= panels());
        return panel * panel_size;
    }
    [[nodiscard]] Index size(Index panel) const {
        assert(panel >= 0 && panel < panels());
        const Index left = extent - begin(panel);
        return left < panel_size ? left : panel_size;
    }
    /// Units of a whole panel: T, or N where that is less.
    [[nodiscard]] Index whole() const { return panel_size < extent ? panel_size : extent; }
    bool operator==(const Axis&) const = default;
};

/// Rows of the largest tile: one chunk of a float64 matrix then stays below the 1 GiB that one HDF5 call moves.
inline constexpr Index largest_panel_rows = 8192;

/// Panel size for `extent` units whose kernel has `rows_each` rows each: 768 kernel rows a tile (1024 were measured no
/// faster), fewer when there are few units, so that there are tiles to share, and more when there are millions, so that there are no
/// more than 2048 panels. Depends on nothing else, because the bits depend on it.
Index default_panel_size(Index extent, Index rows_each);

/// Panels, or units, [begin, end).
struct PanelRange {
    Index begin = 0;
    Index end = 0;
    [[nodiscard]] Index size() const { return end - begin; }
    bool operator==(const PanelRange&) const = default;
};

struct Tile {
    Index row = 0;     ///< panel I of the rows
    Index column = 0;  ///< panel J of the columns
    bool operator==(const Tile&) const = default;
};

/// The tile across the diagonal.
inline Tile mirror_of(const Tile& tile) {
    return {tile.column, tile.row};
}

/// Which panels are alike: all but the last one of each axis, which may be shorter.
enum class PanelKind { whole, last_row, last_column };

/// Something that each kind of panel has.
template <class T>
struct ByPanelKind {
    T whole, last_row, last_column;
    [[nodiscard]] const T& of(PanelKind kind) const {
        if (kind == PanelKind::whole) return whole;
        return kind == PanelKind::last_row ? last_row : last_column;
    }
};

struct Axes {
    Axis row, column;
    bool symmetric = true;

    /// Of a symmetric matrix.
    static Axes square(const Axis& axis) { return {axis, axis, true}; }

    [[nodiscard]] bool is_diagonal(const Tile& tile) const { return symmetric && tile.row == tile.column; }
    /// Whether the tile is stored twice, as it is and mirrored.
    [[nodiscard]] bool is_mirrored(const Tile& tile) const { return symmetric && tile.row != tile.column; }
    /// The tile that is computed where `tile` is stored.
    [[nodiscard]] Tile computed(const Tile& tile) const {
        return symmetric && tile.row < tile.column ? mirror_of(tile) : tile;
    }
    /// Tiles that are computed.
    [[nodiscard]] Index tiles() const;
    /// Where a computed tile is in the list of all of them, row by row.
    [[nodiscard]] Index index_of(const Tile& tile) const;
    /// Tiles that are stored: B_row B_column.
    [[nodiscard]] Index stored_tiles() const { return row.panels() * column.panels(); }
    [[nodiscard]] Index stored_index(const Tile& tile) const {
        assert(tile.row >= 0 && tile.row < row.panels() && tile.column >= 0 && tile.column < column.panels());
        return tile.row * column.panels() + tile.column;
    }
    /// All computed tiles, row by row.
    [[nodiscard]] std::vector<Tile> all() const;
    /// Entries computed for a tile (mirrored ones are not counted), one row and column a unit: its share of the work.
    [[nodiscard]] Index work(const Tile& tile) const;

    // ---- panels by number
    [[nodiscard]] Index panels() const { return row.panels() + (symmetric ? 0 : column.panels()); }
    [[nodiscard]] Index number_of_row(Index panel) const {
        assert(panel >= 0 && panel <= row.panels());
        return panel;
    }
    [[nodiscard]] Index number_of_column(Index panel) const {
        assert(panel >= 0 && panel <= column.panels());
        return panel + (symmetric ? 0 : row.panels());
    }
    [[nodiscard]] bool is_of_columns(Index number) const { return !symmetric && number >= row.panels(); }
    /// The axis that the numbered panel is of, and its place there.
    [[nodiscard]] const Axis& axis_of(Index number) const {
        assert(number >= 0 && number < panels());
        return is_of_columns(number) ? column : row;
    }
    [[nodiscard]] Index panel_of(Index number) const {
        assert(number >= 0 && number < panels());
        return is_of_columns(number) ? number - row.panels() : number;
    }
    [[nodiscard]] Index size_of(Index number) const { return axis_of(number).size(panel_of(number)); }
    [[nodiscard]] PanelKind kind_of(Index number) const {
        if (panel_of(number) < axis_of(number).panels() - 1) return PanelKind::whole;
        return is_of_columns(number) ? PanelKind::last_column : PanelKind::last_row;
    }
    bool operator==(const Axes&) const = default;
};

/// Which tiles need no computing any more, at index_of(); empty: none.
using TileSet = std::vector<bool>;

}  // namespace tangram
