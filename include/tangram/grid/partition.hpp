#pragma once
// Who computes what: pure arithmetic on panels, shards, grid and tiles, the same on every rank.
//
//   P ranks   = an r x c grid, near square; rank p = a c + b sits at row a, column b; a few ranks may idle
//   shard p   = a contiguous run of panels of each axis, B / (r c) of them or one more: what rank p reads and computes
//               features of. Of a symmetric matrix the two runs are one.
//
// After the exchange rank (a, b) holds the row panels of all shards in grid row a and the column panels of all shards in grid
// column b. A tile of shards (s, t) therefore can be computed on rank (row of s, column of t); and, of a symmetric matrix, on
// (row of t, column of s), and wherever both shards lie in one grid row or column.

#include "tangram/grid/axis.hpp"

#include <cstdint>
#include <vector>

namespace tangram {

struct Grid {
    int rows = 1;  ///< r
    int cols = 1;  ///< c
    [[nodiscard]] int active() const { return rows * cols; }
    [[nodiscard]] int row_of(int rank) const { return rank / cols; }
    [[nodiscard]] int col_of(int rank) const { return rank % cols; }
    [[nodiscard]] bool holds(int rank, int shard) const {
        return row_of(rank) == row_of(shard) || col_of(rank) == col_of(shard);
    }
};

/// The most square grid that leaves at most a tenth of the ranks idle.
Grid make_grid(int ranks);

/// The same for a matrix with these axes: of a rectangular one, the grid whose busiest rank has the fewest tiles, and among
/// those the most square.
Grid make_grid(int ranks, const Axes& axes);

/// Panels [begin, end) of one axis that a shard has; none of an idle rank.
PanelRange shard_panels(const Axis& axis, const Grid& grid, int shard);
/// Units [begin, end) of them.
PanelRange shard_units(const Axis& axis, const Grid& grid, int shard);

/// The panels of a shard, by number: one run, or that of its rows and that of its columns.
std::vector<PanelRange> panels_of_shard(const Axes& axes, const Grid& grid, int shard);

/// The owner of each tile, at Axes::index_of(). A sweep in the order of the tiles gives each to the rank with the least work
/// so far among those that hold both panels; three more move a tile wherever that lowers the higher of the two loads. Tiles in
/// `done` are no work. Deterministic.
std::vector<std::int32_t> assign_tiles(const Axes& axes, const Grid& grid, const TileSet& done = {});

/// The tiles of one rank that are not in `done`, row by row.
std::vector<Tile> tiles_of(const Axes& axes, const std::vector<std::int32_t>& owners, int rank,
                           const TileSet& done = {});

/// Work of the busiest of so many ranks over what each would have if all had the same, 1 at best.
double imbalance(const Axes& axes, int ranks);

/// What one rank reads, holds and computes.
struct Distribution {
    Axes axes;
    Grid grid;
    std::vector<PanelRange> own;  ///< its panels, by number
    std::vector<Tile> tiles;      ///< the tiles that it owns
};
Distribution distribute(const Axes& axes, int ranks, int rank, const TileSet& done = {});

/// The same where any rank can compute any tile, and no panels are held: each tile goes to the rank with the least work so
/// far.
Distribution distribute_freely(const Axes& axes, int ranks, int rank, const TileSet& done = {});

}  // namespace tangram
