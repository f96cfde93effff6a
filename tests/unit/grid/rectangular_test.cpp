// Axes of two kinds: who has which panels and tiles of a rectangular matrix, and when its panels are there.

#include "same_schedule.hpp"
#include "tangram/grid/panel_store.hpp"
#include "tangram/grid/schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

using namespace tangram;

namespace {

Axes rectangular(Index rows, Index columns, Index row_panel = 2, Index column_panel = 2) {
    return {{rows, row_panel, Unit::test_sample}, {columns, column_panel, Unit::sample}, false};
}

/// One unit and many, fewer rows than columns and more, panel counts odd and even, another panel size a side.
std::vector<Axes> many_axes() {
    return {rectangular(1, 1),  rectangular(1, 13),    rectangular(13, 1),        rectangular(5, 9),
            rectangular(9, 5),  rectangular(7, 50),    rectangular(50, 7),        rectangular(33, 33),
            rectangular(4, 74), rectangular(26, 9, 3), rectangular(40, 12, 5, 1), rectangular(61, 61, 1, 7)};
}

/// The panels that a rank holds once everything was gathered, by number.
std::set<Index> held(const Axes& axes, const Grid& grid, int rank) {
    std::set<Index> numbers;
    for (int shard = 0; shard < grid.active() && rank < grid.active(); ++shard) {
        for (const PanelRange& run : panels_of_shard(axes, grid, shard)) {
            for (Index number = run.begin; number < run.end; ++number) {
                const bool along = axes.is_of_columns(number) ? grid.col_of(shard) == grid.col_of(rank)
                                                              : grid.row_of(shard) == grid.row_of(rank);
                if (along) numbers.insert(number);
            }
        }
    }
    return numbers;
}

std::vector<Residency> residencies() {
    return {{1, 1}, {2, 1}, {3, 2}, {4, 4}, {5, 2}, {16, 1}};
}

}  // namespace

TEST_CASE("panels of both axes are numbered through, rows first, and found again") {
    for (const Axes& axes : many_axes()) {
        CHECK(axes.panels() == axes.row.panels() + axes.column.panels());
        CHECK(axes.tiles() == axes.row.panels() * axes.column.panels());
        CHECK(axes.stored_tiles() == axes.tiles());
        for (Index panel = 0; panel < axes.row.panels(); ++panel) {
            const Index number = axes.number_of_row(panel);
            CHECK(number == panel);
            CHECK_FALSE(axes.is_of_columns(number));
            CHECK(axes.panel_of(number) == panel);
            CHECK(axes.size_of(number) == axes.row.size(panel));
        }
        for (Index panel = 0; panel < axes.column.panels(); ++panel) {
            const Index number = axes.number_of_column(panel);
            CHECK(number == axes.row.panels() + panel);
            CHECK(axes.is_of_columns(number));
            CHECK(axes.panel_of(number) == panel);
            CHECK(axes.size_of(number) == axes.column.size(panel));
        }
    }
}

TEST_CASE("no tile of a rectangular matrix is diagonal or mirrored, and its work is all of its entries") {
    for (const Axes& axes : many_axes()) {
        const std::vector<Tile> all = axes.all();
        REQUIRE(static_cast<Index>(all.size()) == axes.tiles());
        Index entries = 0;
        for (std::size_t k = 0; k < all.size(); ++k) {
            CHECK(axes.index_of(all[k]) == static_cast<Index>(k));
            CHECK_FALSE(axes.is_diagonal(all[k]));
            CHECK_FALSE(axes.is_mirrored(all[k]));
            CHECK(axes.computed(all[k]) == all[k]);
            entries += axes.work(all[k]);
        }
        CHECK(entries == axes.row.extent * axes.column.extent);
    }
}

TEST_CASE("every tile of a square matrix is computed once and stored where it belongs") {
    for (const Index extent : {1, 2, 7, 8, 33}) {
        const Axes axes = Axes::square({extent, 2});
        Index entries = 0;
        std::set<Index> stored;
        const std::vector<Tile> all = axes.all();
        for (std::size_t k = 0; k < all.size(); ++k) {
            CHECK(axes.index_of(all[k]) == static_cast<Index>(k));
            CHECK(axes.computed(mirror_of(all[k])) == all[k]);
            CHECK(stored.insert(axes.stored_index(all[k])).second);
            if (axes.is_mirrored(all[k])) CHECK(stored.insert(axes.stored_index(mirror_of(all[k]))).second);
            entries += axes.work(all[k]);
        }
        CHECK(static_cast<Index>(stored.size()) == axes.stored_tiles());
        CHECK(2 * entries >= extent * (extent + 1));
        CHECK(entries <= extent * extent);
    }
}

TEST_CASE(
    "every tile of a rectangular matrix has one owner, which holds both of its panels, on 1 to 40 ranks") {
    for (const Axes& axes : many_axes()) {
        for (int ranks = 1; ranks <= 40; ++ranks) {
            const Grid grid = make_grid(ranks, axes);
            CAPTURE(axes.row.extent);
            CAPTURE(axes.column.extent);
            CAPTURE(ranks);
            REQUIRE(grid.active() <= ranks);
            std::vector<int> times(static_cast<std::size_t>(axes.tiles()), 0);
            bool both_held = true;
            for (int rank = 0; rank < ranks; ++rank) {
                const std::set<Index> there = held(axes, grid, rank);
                for (const Tile& tile : distribute(axes, ranks, rank).tiles) {
                    ++times[static_cast<std::size_t>(axes.index_of(tile))];
                    both_held = both_held && there.count(axes.number_of_row(tile.row)) == 1 &&
                                there.count(axes.number_of_column(tile.column)) == 1;
                }
            }
            CHECK(both_held);
            CHECK(std::all_of(times.begin(), times.end(), [](int count) { return count == 1; }));
        }
    }
}

TEST_CASE("tiles that are done are nobody's, of a rectangular matrix too") {
    const Axes axes = rectangular(21, 40);
    TileSet done(static_cast<std::size_t>(axes.tiles()), false);
    for (std::size_t k = 0; k < done.size(); k += 3) done[k] = true;
    for (const int ranks : {1, 2, 3, 4, 7, 40}) {
        std::vector<int> times(done.size(), 0);
        for (int rank = 0; rank < ranks; ++rank) {
            for (const Tile& tile : distribute(axes, ranks, rank, done).tiles)
                ++times[static_cast<std::size_t>(axes.index_of(tile))];
        }
        for (std::size_t k = 0; k < done.size(); ++k) CHECK(times[k] == (done[k] ? 0 : 1));
    }
}

TEST_CASE(
    "no other grid of as many ranks or fewer has a less busy rank, and none that is as good is squarer") {
    const auto busiest = [](const Axes& axes, const Grid& grid) {
        const auto most = [](Index panels, int parts) { return (panels + parts - 1) / parts; };
        return most(axes.row.panels(), grid.rows) * most(axes.column.panels(), grid.cols);
    };
    const auto elongation = [](const Grid& grid) {
        return static_cast<double>(std::max(grid.rows, grid.cols)) / std::min(grid.rows, grid.cols);
    };
    for (const Axes& axes : many_axes()) {
        for (int ranks = 1; ranks <= 40; ++ranks) {
            const Grid chosen = make_grid(ranks, axes);
            CAPTURE(axes.row.extent);
            CAPTURE(axes.column.extent);
            CAPTURE(ranks);
            for (int rows = 1; rows <= ranks; ++rows) {
                for (int cols = 1; rows * cols <= ranks; ++cols)
                    CHECK(busiest(axes, chosen) <= busiest(axes, {rows, cols}));
                const Grid other{rows, ranks / rows};
                if (busiest(axes, other) == busiest(axes, chosen))
                    CHECK(elongation(chosen) <= elongation(other));
            }
        }
    }
}

TEST_CASE("a rectangular matrix that is much longer than wide is cut along its long side") {
    CHECK(make_grid(4, rectangular(1, 1000)).rows == 1);
    CHECK(make_grid(4, rectangular(1000, 1)).cols == 1);
    CHECK(make_grid(4, rectangular(1000, 1000)).rows == 2);
    CHECK(make_grid(4, rectangular(1000, 1000)).cols == 2);
}

TEST_CASE("every tile of a rectangular matrix is in one load, and both panels are there at that time") {
    for (const Axes& axes : many_axes()) {
        for (const int ranks : {1, 2, 3, 4, 6, 7, 12, 40}) {
            const Grid grid = make_grid(ranks, axes);
            for (const Residency& residency : residencies()) {
                for (int rank = 0; rank < ranks; ++rank) {
                    CAPTURE(axes.row.extent);
                    CAPTURE(axes.column.extent);
                    CAPTURE(ranks);
                    CAPTURE(rank);
                    CAPTURE(residency.slices);
                    CAPTURE(residency.resident);
                    const std::vector<Tile> tiles = distribute(axes, ranks, rank).tiles;
                    PanelStore<float> store(axes, grid, rank, {16, 16, 16}, residency);
                    std::map<Index, int> times;
                    bool there = true;
                    const std::vector<Load> loads = make_schedule(axes, grid, tiles, residency);
                    for (const Load& load : loads) {
                        store.place(load.slice, load.area);
                        for (const Tile& tile : load.tiles) {
                            ++times[axes.index_of(tile)];
                            there = there && store.slot_of(axes.number_of_row(tile.row)) >= 0 &&
                                    store.slot_of(axes.number_of_column(tile.column)) >= 0;
                        }
                    }
                    CHECK(there);
                    CHECK(times.size() == tiles.size());
                    CHECK(std::all_of(tiles.begin(), tiles.end(),
                                      [&](const Tile& tile) { return times[axes.index_of(tile)] == 1; }));
                }
            }
        }
    }
}

TEST_CASE("all ranks gather the same slices of a rectangular matrix in the same order") {
    for (const Axes& axes : {rectangular(30, 70), rectangular(70, 3)}) {
        for (const Residency& residency : residencies()) {
            const Grid grid = make_grid(6, axes);
            test::check_same_slices(axes, grid, 6, residency);
        }
    }
}

TEST_CASE(
    "with less room for a rectangular matrix more panels travel, and never more are held than there is room for") {
    for (const Axes& axes : {rectangular(100, 300), rectangular(300, 20)}) {
        const Grid grid = make_grid(6, axes);
        Index before = 0;
        bool refused = false;
        for (Index room = axes.panels(); room > 0; --room) {
            const Residency residency = choose_residency(axes, grid, room);
            if (residency.resident == 0) {
                refused = true;
                continue;
            }
            CHECK_FALSE(refused);
            CHECK(most_panels_held(axes, grid, residency) <= room);
            Index received = 0;
            for (int rank = 0; rank < 6; ++rank) {
                CHECK(panels_held(axes, grid, rank, residency) <= most_panels_held(axes, grid, residency));
                received += panels_received(axes, grid, rank, residency);
            }
            CHECK(received >= before);
            before = received;
        }
        CHECK(refused);
        CHECK(choose_residency(axes, grid, axes.panels()).holds_everything());
    }
}

TEST_CASE("where any rank can compute any tile, each tile is dealt once and the work is even") {
    const Axes axes = Axes::square({103, 5, Unit::parameter});
    for (const int ranks : {1, 2, 3, 4, 7, 40}) {
        std::vector<int> times(static_cast<std::size_t>(axes.tiles()), 0);
        Index most = 0, all = 0;
        for (int rank = 0; rank < ranks; ++rank) {
            Index work = 0;
            for (const Tile& tile : distribute_freely(axes, ranks, rank).tiles) {
                ++times[static_cast<std::size_t>(axes.index_of(tile))];
                work += axes.work(tile);
            }
            most = std::max(most, work);
            all += work;
        }
        CHECK(std::all_of(times.begin(), times.end(), [](int count) { return count == 1; }));
        CHECK(most <= all / ranks + 25);  // at most one tile more than its share
    }
}
