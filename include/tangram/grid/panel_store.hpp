#pragma once
// The features that one rank holds, in slots of one buffer, each slot one panel's contiguous block,
// whatever is in it:
//
//   own shard | area 0 | area 1 | ..        an area takes one slice of the other shards in this rank's grid row and
//                                           column (grid/schedule.hpp)

#include "tangram/grid/schedule.hpp"

#include <vector>

namespace tangram {

/// Blocks are a whole number of these bytes, so that MPI can count in them.
inline constexpr Index granule_bytes = 1024;

/// Values in the block of a panel: of a whole one, and of the last one of each axis, which may be shorter and travels as such.
using BlockSizes = ByPanelKind<Index>;

template <class T>
class PanelStore {
public:
    /// Room for a rank's own panels and for the areas; an idle rank holds none.
    PanelStore(const Axes& axes, const Grid& grid, int rank, const BlockSizes& sizes,
               const Residency& residency = {});

    [[nodiscard]] const Axes& axes() const { return axes_; }
    [[nodiscard]] const Residency& residency() const { return residency_; }
    /// Values in the block of a numbered panel; and in a slot.
    [[nodiscard]] Index block_size(Index number) const { return sizes_.of(axes_.kind_of(number)); }
    [[nodiscard]] Index slot_size() const { return sizes_.whole; }
    /// The block of a numbered panel that this rank holds.
    [[nodiscard]] T* block(Index number) const {
        assert(slot_of(number) >= 0);
        return slot(slot_of(number));
    }

    /// Gives the area to a slice: its panels now have slots there, those that were there have none.
    void place(Index slice, Index area);
    /// The slot of a numbered panel, -1 where it has none.
    [[nodiscard]] Index slot_of(Index number) const { return slot_of_panel_[at(number)]; }
    [[nodiscard]] T* slot(Index index) const {
        assert(index >= 0 && index * sizes_.whole <= memory_.size());
        return memory_.data() + index * sizes_.whole;
    }

private:
    Axes axes_;
    Grid grid_;
    int rank_;
    BlockSizes sizes_;
    Residency residency_;
    Index area_panels_;
    std::vector<Index> slot_of_panel_;
    AlignedBuffer<T> memory_;
};

extern template class PanelStore<float>;
extern template class PanelStore<double>;

}  // namespace tangram
