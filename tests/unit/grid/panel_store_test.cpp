#include "tangram/grid/panel_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

using namespace tangram;

namespace {

constexpr BlockSizes sizes{48, 32, 16};

/// 23 units in panels of 2 and, of a rectangular matrix, 17 in panels of 3: the last panel of each is shorter.
std::vector<Axes> both_axes() {
    return {Axes::square({23, 2, Unit::sample}), {{23, 2, Unit::test_sample}, {17, 3, Unit::sample}, false}};
}

std::vector<Index> numbers_of(const std::vector<PanelRange>& runs) {
    std::vector<Index> numbers;
    for (const PanelRange& run : runs)
        for (Index number = run.begin; number < run.end; ++number) numbers.push_back(number);
    return numbers;
}

/// The numbers of panels that have a slot.
std::set<Index> held(const PanelStore<double>& store) {
    std::set<Index> numbers;
    for (Index number = 0; number < store.axes().panels(); ++number)
        if (store.slot_of(number) >= 0) numbers.insert(number);
    return numbers;
}

}  // namespace

TEST_CASE("a rank holds its own panels from the first, and an idle rank none") {
    const Grid grid{2, 3};
    for (const Axes& axes : both_axes()) {
        std::set<Index> everywhere;
        for (int rank = 0; rank < 8; ++rank) {
            CAPTURE(rank);
            const PanelStore<double> store(axes, grid, rank, sizes);
            const std::vector<Index> own = numbers_of(panels_of_shard(axes, grid, rank));
            CHECK(held(store) == std::set<Index>(own.begin(), own.end()));
            for (const Index number : own) CHECK(everywhere.insert(number).second);
            if (rank >= grid.active()) CHECK(own.empty());
        }
        CHECK(static_cast<Index>(everywhere.size()) == axes.panels());
    }
}

TEST_CASE("a slice takes the place of the one before it in its area, and of no other panel") {
    const Grid grid{2, 3};
    const Residency residency{4, 1};
    for (const Axes& axes : both_axes()) {
        for (int rank = 0; rank < grid.active(); ++rank) {
            CAPTURE(rank);
            PanelStore<double> store(axes, grid, rank, sizes, residency);
            const std::set<Index> own = held(store);
            std::vector<std::set<Index>> areas(static_cast<std::size_t>(residency.areas()));
            for (Index turn = 0; turn < 3 * residency.slices; ++turn) {
                const Index slice = turn % residency.slices, area = turn % residency.areas();
                std::set<Index>& there = areas[static_cast<std::size_t>(area)];
                const auto arriving = numbers_of(gathered_panels(axes, grid, rank, residency.slices, slice));
                store.place(slice, area);
                there = {arriving.begin(), arriving.end()};
                // A slice that is placed a second time leaves its first place.
                for (std::set<Index>& other : areas)
                    if (&other != &there)
                        for (const Index number : there) other.erase(number);
                std::set<Index> expected = own;
                for (const std::set<Index>& placed : areas) expected.insert(placed.begin(), placed.end());
                CHECK(held(store) == expected);
                std::set<Index> slots;
                for (const Index number : expected) slots.insert(store.slot_of(number));
                CHECK(slots.size() == expected.size());
                CHECK(*slots.rbegin() < panels_held(axes, grid, rank, residency));
            }
        }
    }
}

TEST_CASE("blocks lie one whole block apart, and the last panel of each axis has a shorter one") {
    for (const Axes& axes : both_axes()) {
        PanelStore<double> store(axes, Grid{1, 1}, 0, sizes);
        for (Index number = 0; number < axes.panels(); ++number) {
            CAPTURE(number);
            CHECK(store.block(number) - store.block(0) == (store.slot_of(number) - store.slot_of(0)) * 48);
            const bool last_of_rows = number == axes.row.panels() - 1;
            const bool last_of_columns = !axes.symmetric && number == axes.panels() - 1;
            CHECK(store.block_size(number) == (last_of_rows ? 32 : last_of_columns ? 16 : 48));
        }
    }
}
