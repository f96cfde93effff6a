#include "tangram/grid/schedule.hpp"

#include "kernel_pipeline.hpp"
#include "same_schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace tangram;
using namespace tangram::test;

namespace {

std::vector<Residency> residencies() {
    return {{1, 1}, {2, 1}, {3, 1}, {3, 2}, {4, 4}, {5, 2}, {8, 3}, {32, 1}};
}

/// The areas that the panels of these tiles lie in; -1 for the rank's own shard, -2 for nowhere.
std::set<Index> areas_of(const PanelStore<float>& store, const std::vector<Tile>& tiles, Index own,
                         Index area) {
    std::set<Index> areas;
    for (const Tile& tile : tiles) {
        for (const Index panel : {tile.row, tile.column}) {
            const Index slot = store.slot_of(panel);
            areas.insert(slot < 0 ? -2 : slot < own ? -1 : (slot - own) / area);
        }
    }
    return areas;
}

}  // namespace

TEST_CASE("a panel is in the slice of its shard that holds it") {
    for (const Index size : {1, 2, 7, 30}) {
        for (const Index slices : {1, 2, 5, 32}) {
            const PanelRange shard{11, 11 + size};
            for (Index slice = 0, next = shard.begin; slice < slices; ++slice) {
                const PanelRange part = slice_of_shard(shard, slices, slice);
                CHECK(part.begin == next);
                for (Index panel = part.begin; panel < part.end; ++panel)
                    CHECK(slice_of_panel(shard, slices, panel) == slice);
                next = part.end;
                if (slice == slices - 1) CHECK(part.end == shard.end);
            }
        }
    }
}

TEST_CASE(
    "every tile of a rank is in one load, its panels are in memory then, and no area is overwritten that is "
    "read") {
    for (const int ranks : {1, 2, 3, 4, 6, 7, 12, 16}) {
        for (const Index panels_count : {1, 5, 24, 61}) {
            const Axes axes = Axes::square({panels_count * 2, 2});
            const Grid grid = make_grid(ranks);
            for (const Residency& residency : residencies()) {
                for (int rank = 0; rank < ranks; ++rank) {
                    CAPTURE(ranks);
                    CAPTURE(panels_count);
                    CAPTURE(residency.slices);
                    CAPTURE(residency.resident);
                    CAPTURE(rank);
                    const std::vector<Tile> tiles = distribute(axes, ranks, rank).tiles;
                    const std::vector<Load> loads = make_schedule(axes, grid, tiles, residency);
                    PanelStore<float> store(axes, grid, rank, {16, 16, 16}, residency);
                    const Index own = panels_owned(axes, grid, rank);
                    const Index area = std::max<Index>(1, panels_in_area(axes, grid, rank, residency));
                    std::size_t computed = 0;
                    for (std::size_t k = 0; k < loads.size(); ++k) {
                        store.place(loads[k].slice, loads[k].area);
                        const std::set<Index> read = areas_of(store, loads[k].tiles, own, area);
                        CHECK(read.count(-2) == 0);
                        const bool beside = k + 1 < loads.size() && loads[k + 1].fits_beside_previous;
                        if (beside) CHECK(read.count(loads[k + 1].area) == 0);
                        computed += loads[k].tiles.size();
                        for (const Tile& tile : loads[k].tiles)
                            CHECK(std::count(tiles.begin(), tiles.end(), tile) == 1);
                    }
                    CHECK(computed == tiles.size());
                }
            }
        }
    }
}

TEST_CASE("all ranks gather the same slices in the same order") {
    const Axes axes = Axes::square({70, 2});
    const Grid grid = make_grid(6);
    for (const Residency& residency : residencies()) {
        check_same_slices(axes, grid, 6, residency);
    }
}

TEST_CASE("with less room more bytes travel, never more panels are held than there is room for") {
    const Axes axes = Axes::square({300, 2});
    const Grid grid = make_grid(6);
    Index before = 0;
    bool refused = false;
    for (Index room = 150; room > 0; --room) {
        const Residency residency = choose_residency(axes, grid, room);
        if (residency.resident == 0) {
            refused = true;
            continue;
        }
        CHECK_FALSE(refused);  // what is too little stays too little
        Index received = 0;
        for (int rank = 0; rank < 6; ++rank) {
            CHECK(panels_held(axes, grid, rank, residency) <= room);
            received += panels_received(axes, grid, rank, residency);
        }
        CHECK(received >= before);
        before = received;
    }
    CHECK(refused);
    CHECK(choose_residency(axes, grid, 150).holds_everything());
    CHECK(choose_residency(axes, grid, 75).holds_everything() == false);
}

TEST_CASE(
    "a kernel whose features pass through little memory has the bits of one whose features are all there") {
    const auto world = mpi::Communicator::world();
    const Network network = random_network({5, 7, 3}, {"tanh", "identity"}, {true, true}, 61);
    const Matrix<double> X = random_samples(57, 5, 62);
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        const Reduction reduction = make_reduction(kind, 3);
        const Shape shape = make_shape(network, reduction, {57, 3}, Precision::float32);
        bool once = false;
        const auto whole = whole_matrices<float>(world, network, reduction, shape, X.view(), 1, once);
        for (const Residency& residency : residencies()) {
            CAPTURE(residency.slices);
            CAPTURE(residency.resident);
            const auto pieces =
                whole_matrices<float>(world, network, reduction, shape, X.view(), 2, once, residency);
            CHECK(once);
            for (std::size_t m = 0; m < whole.size(); ++m)
                CHECK(std::equal(whole[m].data(), whole[m].data() + whole[m].size(), pieces[m].data()));
        }
    }
}

TEST_CASE("each rank receives the panels that the schedule says, and all of them the bytes of the formula") {
    const auto world = mpi::Communicator::world();
    const Network network = random_network({5, 7, 3}, {"tanh", "identity"}, {true, true}, 63);
    const Reduction reduction = make_reduction(ReductionKind::trace, 3);
    const Matrix<double> X = random_samples(96, 5, 64);
    const Shape shape = make_shape(network, reduction, {96, 3}, Precision::float64);
    const Grid grid = make_grid(world.size());
    const Index panel_bytes = lay_out_panel(network, reduction, 3, sizeof(double)).size * 8;
    for (const Residency& residency : residencies()) {
        const Index received = run_tiles<double>(
            world, network, reduction, shape, X.view(), 1, [](const FinishedPlane<double>&) {}, residency);
        CHECK(received == panel_bytes * panels_received(shape.axes, grid, world.rank(), residency));
        if (residency.holds_everything())
            CHECK(mpi::sum(world, received) == panel_bytes * 32 * (grid.rows + grid.cols - 2));
    }
}
