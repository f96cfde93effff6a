#include "tangram/grid/exchange.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

using namespace tangram;

namespace {

/// Numbers of its own for each value of each panel's block.
template <class T>
T value_of(Index panel, Index place) {
    return static_cast<T>(1000 * panel + place % 997);
}

/// Whole blocks of three granules, shorter ones of two and one.
template <class T>
BlockSizes block_sizes() {
    const Index granule = granule_bytes / static_cast<Index>(sizeof(T));
    return {3 * granule, 2 * granule, granule};
}

struct Owned {
    int shard = -1;
    Index slice = 0;
};

/// Who has a panel, and in which of its slices.
Owned owner_of(const Axes& axes, const Grid& grid, Index slices, Index panel) {
    for (int shard = 0; shard < grid.active(); ++shard)
        for (const PanelRange& run : panels_of_shard(axes, grid, shard))
            if (panel >= run.begin && panel < run.end) return {shard, slice_of_panel(run, slices, panel)};
    return {};
}

/// Row panels travel along grid rows and column panels along grid columns; those of a symmetric matrix are both.
bool is_wanted(const Axes& axes, const Grid& grid, int rank, int shard, Index panel) {
    if (rank >= grid.active()) return false;
    if (axes.symmetric) return grid.holds(rank, shard);
    return axes.is_of_columns(panel) ? grid.col_of(rank) == grid.col_of(shard)
                                     : grid.row_of(rank) == grid.row_of(shard);
}

/// Values of the panel's slot that are not its owner's; beyond a shorter block nothing may be written.
template <class T>
Index wrong_values(const PanelStore<T>& store, Index panel, bool is_own) {
    Index wrong = 0;
    for (Index k = 0; k < store.block_size(panel); ++k)
        if (store.block(panel)[k] != value_of<T>(panel, k)) ++wrong;
    for (Index k = store.block_size(panel); k < store.slot_size() && is_own; ++k)
        if (store.block(panel)[k] == store.block(panel)[k]) ++wrong;  // it was NaN
    return wrong;
}

template <class T>
void check_every_slice(const mpi::Communicator& world, const Axes& axes, const Grid& grid,
                       const Residency& residency, bool by_asking) {
    PanelStore<T> store(axes, grid, world.rank(), block_sizes<T>(), residency);
    const Index slots = panels_held(axes, grid, world.rank(), residency);
    std::fill_n(store.slot(0), slots * store.slot_size(), std::numeric_limits<T>::quiet_NaN());
    for (const PanelRange& run : panels_of_shard(axes, grid, world.rank()))
        for (Index panel = run.begin; panel < run.end; ++panel)
            for (Index k = 0; k < store.block_size(panel); ++k) store.block(panel)[k] = value_of<T>(panel, k);

    Exchange<T> exchange(world, grid, store);
    std::map<Index, Index> slice_in_area;
    Index bytes = 0, missing = 0, superfluous = 0, wrong = 0;
    for (Index slice = 0; slice < residency.slices; ++slice) {
        const Index area = slice % residency.areas();
        slice_in_area[area] = slice;
        exchange.start(slice, area);
        if (by_asking)
            while (!exchange.progress()) continue;
        else
            exchange.wait();
        for (Index panel = 0; panel < axes.panels(); ++panel) {
            const Owned owned = owner_of(axes, grid, residency.slices, panel);
            const bool is_own = owned.shard == world.rank();
            const bool is_there = std::any_of(slice_in_area.begin(), slice_in_area.end(),
                                              [&](const auto& each) { return each.second == owned.slice; });
            const bool wanted = is_wanted(axes, grid, world.rank(), owned.shard, panel);
            const bool is_held = store.slot_of(panel) >= 0;
            if (wanted && !is_own && owned.slice == slice)
                bytes += store.block_size(panel) * static_cast<Index>(sizeof(T));
            if (!is_held && (is_own || (wanted && is_there))) ++missing;
            if (is_held && !is_own && !(wanted && is_there)) ++superfluous;
            if (is_held) wrong += wrong_values(store, panel, is_own);
        }
    }
    CHECK(missing == 0);
    CHECK(superfluous == 0);
    CHECK(wrong == 0);
    CHECK(exchange.bytes_received() == bytes);
}

}  // namespace

TEST_CASE_TEMPLATE(
    "after each slice a rank has the panels of its grid row and column, as their owners have them", T, float,
    double) {
    const auto world = mpi::Communicator::world();
    const std::vector<Axes> both_axes{Axes::square({45, 2, Unit::sample}),
                                      {{29, 2, Unit::test_sample}, {40, 3, Unit::sample}, false},
                                      {{1, 4, Unit::test_sample}, {40, 3, Unit::sample}, false}};
    const std::vector<Residency> residencies{{1, 1}, {3, 1}, {4, 4}, {7, 2}};
    for (const Axes& axes : both_axes) {
        for (const Residency& residency : residencies) {
            CAPTURE(axes.symmetric);
            CAPTURE(axes.row.extent);
            CAPTURE(residency.slices);
            CAPTURE(residency.resident);
            check_every_slice<T>(world, axes, make_grid(world.size(), axes), residency, false);
            check_every_slice<T>(world, axes, make_grid(world.size(), axes), residency, true);
        }
    }
}

TEST_CASE("ranks beyond the grid hold nothing, receive nothing and keep nobody waiting") {
    const auto world = mpi::Communicator::world();
    const Grid grid{1, std::max(1, world.size() - 1)};
    check_every_slice<double>(world, Axes::square({45, 2, Unit::sample}), grid, {3, 1}, false);
}
