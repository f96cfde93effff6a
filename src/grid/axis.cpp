#include "tangram/grid/axis.hpp"

#include <algorithm>
#include <numeric>

namespace tangram {

const char* name_of(Unit unit) {
    switch (unit) {
        case Unit::sample:
            return "sample";
        case Unit::test_sample:
            return "test sample";
        case Unit::parameter:
            return "parameter";
    }
    return "unit";
}

namespace {

/// Panels whose tiles are still counted and shared out in a moment.
constexpr Index most_panels = 2048;

/// `units` of so many rows, in tiles of a multiple of 32 rows, which are whole pages: direct I/O needs them.
Index in_whole_pages(Index units, Index rows_each) {
    const Index whole_pages = 32 / std::gcd<Index>(rows_each, 32);
    return units >= whole_pages ? units / whole_pages * whole_pages : std::max<Index>(1, units);
}

}  // namespace

Index default_panel_size(Index extent, Index rows_each) {
    const Index for_sharing = (extent / 11 + 31) / 32 * 32;
    const Index rows = std::clamp<Index>(for_sharing, 64, 768);
    const Index panel = in_whole_pages(rows / rows_each, rows_each);
    if (extent <= most_panels * panel) return panel;
    const Index for_counting = (extent / most_panels + 32) / 32 * 32;
    return std::max(panel, in_whole_pages(std::min(for_counting, largest_panel_rows / rows_each), rows_each));
}

Index Axes::tiles() const {
    return symmetric ? row.panels() * (row.panels() + 1) / 2 : stored_tiles();
}

Index Axes::index_of(const Tile& tile) const {
    assert(tile.row >= 0 && tile.row < row.panels() && tile.column >= 0 && tile.column < column.panels());
    assert(!symmetric || tile.row >= tile.column);
    return symmetric ? tile.row * (tile.row + 1) / 2 + tile.column : stored_index(tile);
}

std::vector<Tile> Axes::all() const {
    std::vector<Tile> tiles_in_order;
    tiles_in_order.reserve(at(tiles()));
    for (Index i = 0; i < row.panels(); ++i) {
        for (Index j = 0; j < (symmetric ? i + 1 : column.panels()); ++j) tiles_in_order.push_back({i, j});
    }
    return tiles_in_order;
}

Index Axes::work(const Tile& tile) const {
    const Index n = row.size(tile.row);
    return is_diagonal(tile) ? n * (n + 1) / 2 : n * column.size(tile.column);
}

}  // namespace tangram
