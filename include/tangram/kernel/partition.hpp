#pragma once
// Who computes what: pure arithmetic on panels, shards, grid and tiles, the same on every rank.
//
//   N samples = B panels of T (the last may be shorter)      panel I: samples [I T, min((I+1) T, N))
//   P ranks   = an r x c grid, near square; rank p = a c + b sits at row a, column b; a few ranks may idle
//   shard p   = a contiguous run of panels, B / (r c) of them or one more: what rank p reads and computes features of
//   tile      = panel I against panel J, I >= J; B (B + 1) / 2 of them, the other triangle is mirrored
//
// After the exchange rank (a, b) holds the panels of all shards in grid row a and in grid column b. A pair of
// shards (s, t) therefore meets on the ranks (row of s, column of t) and (row of t, column of s), and
// wherever both lie in one row or one column.

#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <vector>

namespace tangram {

struct Panels {
    Index samples = 0;     ///< N
    Index panel_size = 1;  ///< T

    [[nodiscard]] Index count() const { return (samples + panel_size - 1) / panel_size; }
    [[nodiscard]] Index begin(Index panel) const { return panel * panel_size; }
    [[nodiscard]] Index size(Index panel) const {
        const Index left = samples - begin(panel);
        return left < panel_size ? left : panel_size;
    }
};

/// Panel size for N samples whose kernel has `rows_per_sample` rows each: 768 kernel rows a tile (1024 were
/// measured no faster), fewer when N is small, so that there are tiles to
/// share. Depends on nothing else, because the bits depend on it.
Index default_panel_size(Index samples, Index rows_per_sample);

struct Grid {
    int rows = 1;  ///< r
    int cols = 1;  ///< c, r <= c
    [[nodiscard]] int active() const { return rows * cols; }
    [[nodiscard]] int row_of(int rank) const { return rank / cols; }
    [[nodiscard]] int col_of(int rank) const { return rank % cols; }
    [[nodiscard]] bool holds(int rank, int shard) const {
        return row_of(rank) == row_of(shard) || col_of(rank) == col_of(shard);
    }
};

/// The shards other than its own that an active rank gathers: those of its grid row, then of its column.
std::vector<int> others_held(const Grid& grid, int rank);

/// The most square grid that leaves at most a tenth of the ranks idle.
Grid make_grid(int ranks);

/// Panels [begin, end) of a shard.
struct PanelRange {
    Index begin = 0;
    Index end = 0;
    [[nodiscard]] Index size() const { return end - begin; }
};

PanelRange shard_panels(const Panels& panels, const Grid& grid, int shard);
/// Samples [begin, end) of a shard.
PanelRange shard_samples(const Panels& panels, const Grid& grid, int shard);

struct Tile {
    Index row = 0;     ///< panel I
    Index column = 0;  ///< panel J <= I
    bool operator==(const Tile&) const = default;
    [[nodiscard]] bool is_diagonal() const { return row == column; }
};

/// Where tile (I, J) is in a list of all tiles.
inline Index tile_index(const Tile& tile) {
    return tile.row * (tile.row + 1) / 2 + tile.column;
}

/// Which tiles need no computing any more, at tile_index(); empty: none.
using TileSet = std::vector<bool>;

/// The owner of each tile, at tile_index(): the rank with the least work so far among those that
/// hold both panels. Tiles with a single candidate go first; those in `done` are no work. Deterministic.
std::vector<std::int32_t> assign_tiles(const Panels& panels, const Grid& grid, const TileSet& done = {});

/// The tiles of one rank that are not in `done`, row by row.
std::vector<Tile> tiles_of(const std::vector<std::int32_t>& owners, int rank, const TileSet& done = {});

/// What one rank reads, holds and computes.
struct Distribution {
    Panels panels;
    Grid grid;
    PanelRange shard;          ///< its panels
    PanelRange shard_samples;  ///< and samples
    std::vector<Tile> tiles;   ///< the tiles that it owns
};
Distribution distribute(const Panels& panels, int ranks, int rank, const TileSet& done = {});

/// The same for the parameter Gram: P parameters in panels, samples in batches. Any rank can compute any tile, so each tile
/// goes to the rank with the least work so far; the shard is a rank's part of the batches.
Distribution distribute_parameters(const Panels& parameters, const Panels& batches, int ranks, int rank,
                                   const TileSet& done = {});

/// Kernel entries computed for a tile (the mirrored ones are not counted): its share of the work.
Index tile_work(const Panels& panels, const Tile& tile);

}  // namespace tangram
