#include "tangram/kernel/partition.hpp"

#include <algorithm>
#include <numeric>

namespace tangram {

namespace {

constexpr std::int32_t nobody = -1;

/// The ranks that hold the panels of both shards: where the row of one crosses the column of the other, and
/// all of a row or column in which both lie.
std::vector<std::int32_t> meeting_ranks(const Grid& grid, int s, int t) {
    std::vector<std::int32_t> ranks{grid.row_of(s) * grid.cols + grid.col_of(t),
                                    grid.row_of(t) * grid.cols + grid.col_of(s)};
    for (int b = 0; grid.row_of(s) == grid.row_of(t) && b < grid.cols; ++b) {
        ranks.push_back(grid.row_of(s) * grid.cols + b);
    }
    for (int a = 0; grid.col_of(s) == grid.col_of(t) && a < grid.rows; ++a) {
        ranks.push_back(a * grid.cols + grid.col_of(s));
    }
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    return ranks;
}

/// [s * shards + t], found once for all tiles of two shards.
std::vector<std::vector<std::int32_t>> all_meeting_ranks(const Grid& grid) {
    std::vector<std::vector<std::int32_t>> meeting;
    for (int s = 0; s < grid.active(); ++s) {
        for (int t = 0; t < grid.active(); ++t) meeting.push_back(meeting_ranks(grid, s, t));
    }
    return meeting;
}

/// Gives a tile to the least loaded of `ranks`, unless its present owner would then be no better off. Returns
/// whether it moved.
bool place(std::int32_t& owner, Index work, const std::vector<std::int32_t>& ranks,
           std::vector<Index>& load) {
    const auto load_of = [&](std::int32_t rank) -> Index& { return load[static_cast<std::size_t>(rank)]; };
    const std::int32_t least = *std::min_element(ranks.begin(), ranks.end(),
                                                 [&](auto x, auto y) { return load_of(x) < load_of(y); });
    if (owner != nobody) {
        if (load_of(least) + work >= load_of(owner)) return false;
        load_of(owner) -= work;
    }
    load_of(least) += work;
    owner = least;
    return true;
}

/// The place of a shard in the order in which shards get one panel more than the others. The order walks down
/// the diagonals of the grid, so that any number of extra panels is spread evenly over its rows and over its
/// columns.
Index extra_order(const Grid& grid, int shard) {
    const int period = std::max(1, std::lcm(grid.rows, grid.cols));
    for (int n = grid.row_of(shard); n < grid.active(); n += grid.rows) {
        if ((n + n / period) % grid.cols == grid.col_of(shard)) return n;
    }
    return grid.active();  // not reached: n -> (n mod r, (n + n div lcm) mod c) is one to one
}

std::vector<int> shard_of_panel(const Panels& panels, const Grid& grid) {
    std::vector<int> owner(static_cast<std::size_t>(panels.count()));
    for (int shard = 0; shard < grid.active(); ++shard) {
        const PanelRange range = shard_panels(panels, grid, shard);
        std::fill(owner.begin() + range.begin, owner.begin() + range.end, shard);
    }
    return owner;
}

}  // namespace

Index default_panel_size(Index samples, Index rows_per_sample) {
    const Index for_sharing = (samples / 11 + 31) / 32 * 32;
    const Index panel = std::clamp<Index>(for_sharing, 64, 768);
    // Tiles of a multiple of 32 rows are whole pages, which direct I/O needs.
    const Index whole_pages = 32 / std::gcd<Index>(rows_per_sample, 32);
    const Index most = panel / rows_per_sample;
    return most >= whole_pages ? most / whole_pages * whole_pages : std::max<Index>(1, most);
}

std::vector<int> others_held(const Grid& grid, int rank) {
    std::vector<int> shards;
    if (rank >= grid.active()) return shards;
    for (int b = 0; b < grid.cols; ++b) {
        if (b != grid.col_of(rank)) shards.push_back(grid.row_of(rank) * grid.cols + b);
    }
    for (int a = 0; a < grid.rows; ++a) {
        if (a != grid.row_of(rank)) shards.push_back(a * grid.cols + grid.col_of(rank));
    }
    return shards;
}

Grid make_grid(int ranks) {
    const int smallest = ranks - ranks / 10;
    Grid best{1, ranks};
    for (int active = smallest; active <= ranks; ++active) {
        for (int rows = 1; rows * rows <= active; ++rows) {
            if (active % rows != 0) continue;
            const int cols = active / rows;
            const auto longer = [](const Grid& g) { return static_cast<double>(g.cols) / g.rows; };
            if (longer({rows, cols}) <= longer(best)) best = {rows, cols};
        }
    }
    return best;
}

PanelRange shard_panels(const Panels& panels, const Grid& grid, int shard) {
    if (shard >= grid.active()) return {panels.count(), panels.count()};
    const Index each = panels.count() / grid.active();
    const Index extra = panels.count() % grid.active();
    Index begin = shard * each;
    for (int before = 0; before < shard; ++before) begin += extra_order(grid, before) < extra ? 1 : 0;
    return {begin, begin + each + (extra_order(grid, shard) < extra ? 1 : 0)};
}

PanelRange shard_samples(const Panels& panels, const Grid& grid, int shard) {
    const PanelRange range = shard_panels(panels, grid, shard);
    return {std::min(panels.begin(range.begin), panels.samples),
            std::min(panels.begin(range.end), panels.samples)};
}

Index tile_work(const Panels& panels, const Tile& tile) {
    const Index n = panels.size(tile.row);
    return tile.is_diagonal() ? n * (n + 1) / 2 : n * panels.size(tile.column);
}

std::vector<std::int32_t> assign_tiles(const Panels& panels, const Grid& grid, const TileSet& done) {
    const std::vector<int> shard = shard_of_panel(panels, grid);
    const auto meeting = all_meeting_ranks(grid);
    const auto shards = static_cast<std::size_t>(grid.active());
    std::vector<std::int32_t> owners(static_cast<std::size_t>(panels.count() * (panels.count() + 1) / 2),
                                     nobody);
    std::vector<Index> load(shards, 0);
    // Sweep 0 gives every tile an owner; the later ones move a tile wherever that lowers the higher of the
    // two loads, until nothing moves. Four sweeps come within 1 % of where ten end.
    for (int sweep = 0, moved = 1; sweep < 4 && moved != 0; ++sweep) {
        moved = 0;
        std::size_t k = 0;
        for (Index i = 0; i < panels.count(); ++i) {
            const auto s = static_cast<std::size_t>(shard[static_cast<std::size_t>(i)]);
            for (Index j = 0; j <= i; ++j, ++k) {
                const auto t = static_cast<std::size_t>(shard[static_cast<std::size_t>(j)]);
                const Index work = !done.empty() && done[k] ? 0 : tile_work(panels, {i, j});
                moved += place(owners[k], work, meeting[s * shards + t], load) ? 1 : 0;
            }
        }
    }
    return owners;
}

std::vector<Tile> tiles_of(const std::vector<std::int32_t>& owners, int rank, const TileSet& done) {
    std::vector<Tile> tiles;
    std::size_t k = 0;
    for (Index i = 0; k < owners.size(); ++i) {
        for (Index j = 0; j <= i; ++j, ++k) {
            if (owners[k] == rank && (done.empty() || !done[k])) tiles.push_back({i, j});
        }
    }
    return tiles;
}

Distribution distribute(const Panels& panels, int ranks, int rank, const TileSet& done) {
    const Grid grid = make_grid(ranks);
    return {panels, grid, shard_panels(panels, grid, rank), shard_samples(panels, grid, rank),
            tiles_of(assign_tiles(panels, grid, done), rank, done)};
}

Distribution distribute_parameters(const Panels& parameters, const Panels& batches, int ranks, int rank,
                                   const TileSet& done) {
    const Grid row{1, ranks};
    Distribution distribution{
        parameters, row, shard_panels(batches, row, rank), shard_samples(batches, row, rank), {}};
    std::vector<Index> load(at(ranks), 0);
    for (Index i = 0; i < parameters.count(); ++i) {
        for (Index j = 0; j <= i; ++j) {
            if (!done.empty() && done[at(tile_index({i, j}))]) continue;
            const auto least = std::min_element(load.begin(), load.end());
            *least += tile_work(parameters, {i, j});
            if (least - load.begin() == rank) distribution.tiles.push_back({i, j});
        }
    }
    return distribution;
}

}  // namespace tangram
