#pragma once
// Whether all ranks go through the same slices in the same areas, so that their gathers meet.

#include "tangram/grid/partition.hpp"
#include "tangram/grid/schedule.hpp"

#include <doctest/doctest.h>

namespace tangram::test {

inline void check_same_slices(const Axes& axes, const Grid& grid, int ranks, const Residency& residency) {
    const auto first = make_schedule(axes, grid, {}, residency);
    for (int rank = 0; rank < ranks; ++rank) {
        const auto loads = make_schedule(axes, grid, distribute(axes, ranks, rank).tiles, residency);
        REQUIRE(loads.size() == first.size());
        for (std::size_t k = 0; k < loads.size(); ++k) {
            CHECK(loads[k].slice == first[k].slice);
            CHECK(loads[k].area == first[k].area);
        }
    }
}

}  // namespace tangram::test
