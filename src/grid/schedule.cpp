#include "tangram/grid/schedule.hpp"

#include <algorithm>
#include <cassert>

namespace tangram {

namespace {

/// More slices make the areas of passage smaller and the waits between loads more frequent.
constexpr Index most_slices = 32;

/// The slices in the order in which they are gathered, without tiles.
std::vector<Load> loads_of(const Residency& residency) {
    const auto [q, a] = residency;
    std::vector<Load> loads;
    for (Index first = 0; first < q; first += a) {
        const Index last = std::min(first + a, q);
        for (Index slice = first; slice < last; ++slice)
            loads.push_back({slice, slice - first, slice > first, {}});
        for (Index slice = last; slice < q; ++slice)
            loads.push_back({slice, a + (slice - last) % 2, true, {}});
    }
    return loads;
}

/// Index in loads_of() of the load of `slice` in the pass whose first resident is `first`.
Index step_in_pass(const Residency& residency, Index first, Index slice) {
    Index before = 0;
    for (Index earlier = 0; earlier < first; earlier += residency.resident)
        before += residency.slices - earlier;
    return before + slice - first;
}

Index total(const std::vector<PanelRange>& ranges) {
    Index panels = 0;
    for (const PanelRange& range : ranges) panels += range.size();
    return panels;
}

/// What a rank's grid row and column bring to it. The shards of an axis are asked for often: they are found once.
class Shards {
public:
    Shards(const Axes& axes, const Grid& grid) : axes_(axes), grid_(grid) {
        for (int shard = 0; shard < grid.active(); ++shard)
            runs_.push_back(panels_of_shard(axes, grid, shard));
    }
    [[nodiscard]] Index owned(int rank) const { return total(runs_[at(rank)]); }
    [[nodiscard]] std::vector<PanelRange> gathered(int rank, Index slices, Index slice) const {
        std::vector<PanelRange> ranges;
        if (rank >= grid_.active()) return ranges;
        for (int b = 0; b < grid_.cols; ++b) {
            const int shard = grid_.row_of(rank) * grid_.cols + b;
            if (shard != rank) ranges.push_back(slice_of_shard(runs_[at(shard)].front(), slices, slice));
        }
        for (int a = 0; a < grid_.rows; ++a) {
            const int shard = a * grid_.cols + grid_.col_of(rank);
            if (shard != rank) ranges.push_back(slice_of_shard(runs_[at(shard)].back(), slices, slice));
        }
        return ranges;
    }
    [[nodiscard]] Index in_area(int rank, Index slices) const {
        Index most = 0;
        for (Index slice = 0; slice < slices; ++slice)
            most = std::max(most, total(gathered(rank, slices, slice)));
        return most;
    }
    [[nodiscard]] Index most_held(const Residency& residency) const {
        Index most = 0;
        for (int rank = 0; rank < grid_.active(); ++rank)
            most = std::max(most, owned(rank) + residency.areas() * in_area(rank, residency.slices));
        return most;
    }
    [[nodiscard]] Index longest() const {
        Index most = 1;
        for (const auto& runs : runs_) {
            for (const PanelRange& run : runs) most = std::max(most, run.size());
        }
        return most;
    }
    [[nodiscard]] const std::vector<std::vector<PanelRange>>& runs() const { return runs_; }

private:
    const Axes& axes_;
    const Grid& grid_;
    std::vector<std::vector<PanelRange>> runs_;  ///< [shard]: of its rows and its columns, or of both at once
};

}  // namespace

PanelRange slice_of_shard(const PanelRange& shard, Index slices, Index slice) {
    assert(slice >= 0 && slice < slices);
    return {shard.begin + shard.size() * slice / slices, shard.begin + shard.size() * (slice + 1) / slices};
}

Index slice_of_panel(const PanelRange& shard, Index slices, Index panel) {
    assert(panel >= shard.begin && panel < shard.end);
    return ((panel - shard.begin + 1) * slices - 1) / shard.size();
}

std::vector<PanelRange> gathered_panels(const Axes& axes, const Grid& grid, int rank, Index slices,
                                        Index slice) {
    return Shards(axes, grid).gathered(rank, slices, slice);
}

std::vector<Load> make_schedule(const Axes& axes, const Grid& grid, const std::vector<Tile>& tiles,
                                const Residency& residency) {
    const Shards shards(axes, grid);
    std::vector<Index> slice(at(axes.panels()));
    for (const auto& runs : shards.runs()) {
        for (const PanelRange& run : runs) {
            for (Index panel = run.begin; panel < run.end; ++panel)
                slice[at(panel)] = slice_of_panel(run, residency.slices, panel);
        }
    }
    std::vector<Load> loads = loads_of(residency);
    for (const Tile& tile : tiles) {
        const auto [low, high] = std::minmax(slice[at(axes.number_of_row(tile.row))],
                                             slice[at(axes.number_of_column(tile.column))]);
        const Index first = low / residency.resident * residency.resident;
        loads[at(step_in_pass(residency, first, high))].tiles.push_back(tile);
    }
    // Threads end together sooner when the last tiles are the cheap ones.
    for (Load& load : loads) {
        std::stable_partition(load.tiles.begin(), load.tiles.end(),
                              [&](const Tile& tile) { return !axes.is_diagonal(tile); });
    }
    return loads;
}

Index panels_owned(const Axes& axes, const Grid& grid, int rank) {
    return total(panels_of_shard(axes, grid, rank));
}

Index panels_in_area(const Axes& axes, const Grid& grid, int rank, const Residency& residency) {
    return Shards(axes, grid).in_area(rank, residency.slices);
}

Index panels_held(const Axes& axes, const Grid& grid, int rank, const Residency& residency) {
    return panels_owned(axes, grid, rank) + residency.areas() * panels_in_area(axes, grid, rank, residency);
}

Index most_panels_held(const Axes& axes, const Grid& grid, const Residency& residency) {
    return Shards(axes, grid).most_held(residency);
}

Index panels_received(const Axes& axes, const Grid& grid, int rank, const Residency& residency) {
    const Shards shards(axes, grid);
    Index count = 0;
    for (const Load& load : loads_of(residency))
        count += total(shards.gathered(rank, residency.slices, load.slice));
    return count;
}

Residency choose_residency(const Axes& axes, const Grid& grid, Index room) {
    const Shards shards(axes, grid);
    if (shards.most_held({1, 1}) <= room) return {1, 1};
    const Index slices = std::min(shards.longest(), most_slices);
    for (Index resident = slices - 1; resident >= 1; --resident) {
        if (shards.most_held({slices, resident}) <= room) return {slices, resident};
    }
    return {slices, 0};
}

}  // namespace tangram
