#include "tangram/kernel/schedule.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// More slices make the areas of passage smaller and the waits between steps more frequent.
constexpr Index most_slices = 32;

/// The slices in the order in which they are gathered, without tiles.
std::vector<Step> loads(const Residency& residency) {
    const auto [q, a] = residency;
    std::vector<Step> steps;
    for (Index first = 0; first < q; first += a) {
        const Index last = std::min(first + a, q);
        for (Index slice = first; slice < last; ++slice)
            steps.push_back({slice, slice - first, slice > first, {}});
        for (Index slice = last; slice < q; ++slice)
            steps.push_back({slice, a + (slice - last) % 2, true, {}});
    }
    return steps;
}

/// Index in loads() of the step of `slice` in the pass whose first resident is `first`.
Index step_in_pass(const Residency& residency, Index first, Index slice) {
    Index before = 0;
    for (Index earlier = 0; earlier < first; earlier += residency.resident)
        before += residency.slices - earlier;
    return before + slice - first;
}

std::vector<PanelRange> all_shards(const Panels& panels, const Grid& grid) {
    std::vector<PanelRange> shards;
    for (int shard = 0; shard < grid.active(); ++shard) shards.push_back(shard_panels(panels, grid, shard));
    return shards;
}

/// Panels of other ranks that one slice brings.
Index panels_in_slice(const std::vector<PanelRange>& shards, const Grid& grid, int rank, Index slices,
                      Index slice) {
    Index count = 0;
    for (const int shard : others_held(grid, rank))
        count += slice_of_shard(shards[at(shard)], slices, slice).size();
    return count;
}

Index panels_in_area_of(const std::vector<PanelRange>& shards, const Grid& grid, int rank, Index slices) {
    Index most = 0;
    for (Index slice = 0; slice < slices; ++slice)
        most = std::max(most, panels_in_slice(shards, grid, rank, slices, slice));
    return most;
}

Index most_panels_held(const std::vector<PanelRange>& shards, const Grid& grid, const Residency& residency) {
    Index most = 0;
    for (int rank = 0; rank < grid.active(); ++rank) {
        const Index area = panels_in_area_of(shards, grid, rank, residency.slices);
        most = std::max(most, shards[at(rank)].size() + residency.areas() * area);
    }
    return most;
}

}  // namespace

PanelRange slice_of_shard(const PanelRange& shard, Index slices, Index slice) {
    return {shard.begin + shard.size() * slice / slices, shard.begin + shard.size() * (slice + 1) / slices};
}

Index slice_of_panel(const PanelRange& shard, Index slices, Index panel) {
    return ((panel - shard.begin + 1) * slices - 1) / shard.size();
}

std::vector<Step> make_schedule(const Panels& panels, const Grid& grid, const std::vector<Tile>& tiles,
                                const Residency& residency) {
    std::vector<Index> slice(at(panels.count()));
    for (const PanelRange& shard : all_shards(panels, grid)) {
        for (Index panel = shard.begin; panel < shard.end; ++panel)
            slice[at(panel)] = slice_of_panel(shard, residency.slices, panel);
    }
    std::vector<Step> steps = loads(residency);
    for (const Tile& tile : tiles) {
        const auto [low, high] = std::minmax(slice[at(tile.row)], slice[at(tile.column)]);
        const Index first = low / residency.resident * residency.resident;
        steps[at(step_in_pass(residency, first, high))].tiles.push_back(tile);
    }
    // Threads end together sooner when the last tiles are the cheap ones.
    for (Step& step : steps) {
        std::stable_partition(step.tiles.begin(), step.tiles.end(),
                              [](const Tile& tile) { return !tile.is_diagonal(); });
    }
    return steps;
}

Index panels_in_area(const Panels& panels, const Grid& grid, int rank, const Residency& residency) {
    return panels_in_area_of(all_shards(panels, grid), grid, rank, residency.slices);
}

Index panels_held(const Panels& panels, const Grid& grid, int rank, const Residency& residency) {
    return shard_panels(panels, grid, rank).size() +
           residency.areas() * panels_in_area(panels, grid, rank, residency);
}

Index most_panels_held(const Panels& panels, const Grid& grid, const Residency& residency) {
    return most_panels_held(all_shards(panels, grid), grid, residency);
}

Index panels_received(const Panels& panels, const Grid& grid, int rank, const Residency& residency) {
    const std::vector<PanelRange> shards = all_shards(panels, grid);
    Index count = 0;
    for (const Step& step : loads(residency))
        count += panels_in_slice(shards, grid, rank, residency.slices, step.slice);
    return count;
}

Residency choose_residency(const Panels& panels, const Grid& grid, Index room) {
    const std::vector<PanelRange> shards = all_shards(panels, grid);
    if (most_panels_held(shards, grid, {1, 1}) <= room) return {1, 1};
    Index slices = 1;
    for (const PanelRange& shard : shards) slices = std::max(slices, std::min(shard.size(), most_slices));
    for (Index resident = slices - 1; resident >= 1; --resident) {
        if (most_panels_held(shards, grid, {slices, resident}) <= room) return {slices, resident};
    }
    return {slices, 0};
}

}  // namespace tangram
