#include "tangram/grid/partition.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

using namespace tangram;

namespace {

const std::vector<Axis>& many_axes() {
    static const std::vector<Axis> cases{{1, 1},      {1, 64},      {2, 1},      {7, 3},   {9, 3},
                                         {64, 64},    {65, 64},     {100, 7},    {127, 2}, {1797, 128},
                                         {4096, 256}, {10000, 512}, {10007, 331}};
    return cases;
}

double busiest_over_mean(const Axes& axes, const Grid& grid) {
    const auto owners = assign_tiles(axes, grid);
    std::vector<double> load(static_cast<std::size_t>(grid.active()), 0);
    for (int rank = 0; rank < grid.active(); ++rank) {
        for (const Tile& tile : tiles_of(axes, owners, rank)) {
            load[static_cast<std::size_t>(rank)] += static_cast<double>(axes.work(tile));
        }
    }
    const double mean = std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(load.size());
    return *std::max_element(load.begin(), load.end()) / mean;
}

}  // namespace

TEST_CASE("panels cover every sample exactly once") {
    for (const Axis& axis : many_axes()) {
        Index next = 0;
        for (Index panel = 0; panel < axis.panels(); ++panel) {
            CHECK(axis.begin(panel) == next);
            CHECK(axis.size(panel) >= 1);
            CHECK(axis.size(panel) <= axis.panel_size);
            next += axis.size(panel);
        }
        CHECK(next == axis.extent);
    }
}

TEST_CASE("a grid uses at least nine ranks in ten, and is no longer than it must be") {
    for (int ranks = 1; ranks <= 300; ++ranks) {
        const Grid grid = make_grid(ranks);
        CAPTURE(ranks);
        CHECK(grid.active() <= ranks);
        CHECK(10 * (ranks - grid.active()) <= ranks);
        CHECK(grid.rows <= grid.cols);
    }
    CHECK(make_grid(7).active() == 7);
    CHECK(make_grid(16).rows == 4);
    CHECK(make_grid(13).rows == 3);  // 3 x 4, one idle, rather than 1 x 13
}

TEST_CASE("shards are contiguous runs of panels that cover all of them") {
    for (const Axis& axis : many_axes()) {
        for (int ranks = 1; ranks <= 40; ++ranks) {
            const Grid grid = make_grid(ranks);
            Index next_panel = 0;
            Index next_sample = 0;
            for (int shard = 0; shard < ranks; ++shard) {
                const PanelRange range = shard_panels(axis, grid, shard);
                const PanelRange samples = shard_units(axis, grid, shard);
                CHECK(range.begin == next_panel);
                CHECK(samples.begin == next_sample);
                next_panel = range.end;
                next_sample = samples.end;
            }
            CHECK(next_panel == axis.panels());
            CHECK(next_sample == axis.extent);
        }
    }
}

TEST_CASE("every tile has exactly one owner, and the owner holds both panels") {
    for (const Axis& axis : many_axes()) {
        for (int ranks = 1; ranks <= 24; ++ranks) {
            const Grid grid = make_grid(ranks);
            const Axes axes = Axes::square(axis);
            const auto owners = assign_tiles(axes, grid);
            std::vector<int> shard_of(static_cast<std::size_t>(axis.panels()));
            for (int shard = 0; shard < grid.active(); ++shard) {
                const PanelRange range = shard_panels(axis, grid, shard);
                for (Index p = range.begin; p < range.end; ++p) shard_of[static_cast<std::size_t>(p)] = shard;
            }
            std::vector<int> times(owners.size(), 0);
            bool held = true;
            for (int rank = 0; rank < ranks; ++rank) {
                for (const Tile& tile : tiles_of(axes, owners, rank)) {
                    ++times[static_cast<std::size_t>(tile.row * (tile.row + 1) / 2 + tile.column)];
                    held = held && grid.holds(rank, shard_of[static_cast<std::size_t>(tile.row)]) &&
                           grid.holds(rank, shard_of[static_cast<std::size_t>(tile.column)]);
                }
            }
            CAPTURE(axis.extent);
            CAPTURE(ranks);
            CHECK(held);
            CHECK(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
        }
    }
}

TEST_CASE("the busiest of 1 to 128 ranks has at most 3 % more than its share of 100 000 samples") {
    const Axes axes = Axes::square({100000, 512});
    for (int ranks = 1; ranks <= 128; ++ranks) {
        CAPTURE(ranks);
        CHECK(busiest_over_mean(axes, make_grid(ranks)) <= 1.03);
    }
}

TEST_CASE("the busiest rank has at most 10 % more than its share where there are 8 tiles for each") {
    const Axes axes = Axes::square({10000, 256});
    for (int ranks = 1; ranks <= 128; ++ranks) {
        const Grid grid = make_grid(ranks);
        const Index tiles = axes.tiles();
        if (grid.cols > 2 * grid.rows || tiles < Index{8} * grid.active()) continue;
        CAPTURE(ranks);
        CHECK(busiest_over_mean(axes, grid) <= 1.10);
    }
}

TEST_CASE("the default panel shrinks with the outputs of a full kernel and is never empty") {
    CHECK(default_panel_size(100000, 1) == 768);
    CHECK(default_panel_size(100000, 10) == 64);  // 640 rows: whole pages
    CHECK(default_panel_size(3, 1) == 64);
    CHECK(default_panel_size(1500000, 1) == 768);
    CHECK(default_panel_size(10000000, 1) == 4896);
    CHECK(default_panel_size(100000000, 1) == 8192);
    CHECK(default_panel_size(1, 1000) == 1);
}

TEST_CASE("tiles of 10^5 to 10^7 samples are shared evenly among 1 to 1000 ranks") {
    for (const Index N : {Index{100000}, Index{1000000}, Index{10000000}}) {
        const Axes axes = Axes::square({N, default_panel_size(N, 1)});
        for (const int ranks : {1, 7, 64, 1000}) {
            CAPTURE(N);
            CAPTURE(ranks);
            CHECK(axes.row.panels() <= 2048);
            const double busiest = imbalance(axes, ranks);
            CHECK(busiest >= 1);
            const bool are_few_tiles =
                axes.tiles() < 16 * ranks;  // 131 panels of 10^5 samples, for 1000 ranks
            CHECK(busiest < (are_few_tiles ? 1.5 : 1.06));
        }
    }
}
