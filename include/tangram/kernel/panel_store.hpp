#pragma once
// The features that one rank holds, in slots of one buffer, each slot one panel's contiguous block
// (tangent/panel.hpp):
//
//   own shard | area 0 | area 1 | ..        an area takes one slice of the other shards in this rank's grid row and
//                                           column (kernel/schedule.hpp)

#include "tangram/kernel/schedule.hpp"
#include "tangram/tangent/panel.hpp"

#include <vector>

namespace tangram {

template <class T>
class PanelStore {
public:
    /// Room for a rank's own panels and for the areas; an idle rank holds none.
    PanelStore(const Panels& panels, const Grid& grid, int rank, const Network& network,
               const Reduction& reduction, const Residency& residency = {});

    /// The layout of a panel: the last one may be shorter, and travels as such.
    [[nodiscard]] const PanelLayout& layout(Index panel = 0) const {
        return panel == panels_.count() - 1 ? last_layout_ : layout_;
    }
    [[nodiscard]] const Panels& panels() const { return panels_; }
    [[nodiscard]] const Residency& residency() const { return residency_; }
    /// The block of a panel that this rank holds.
    [[nodiscard]] T* block(Index panel) const;
    /// X_{l-1} of a panel, (n, d_{l-1}), layer counted from 0.
    [[nodiscard]] ConstMatrixView<T> activation(Index panel, Index layer) const;
    /// S_l of a panel, (n, R d_l), or (n R, d_l) for full.
    [[nodiscard]] ConstMatrixView<T> sensitivity(Index panel, Index layer) const;

    /// Gives the area to a slice: its panels now have slots there, those that were there have none.
    void place(Index slice, Index area);
    /// The slot of a panel, -1 where it has none.
    [[nodiscard]] Index slot_of(Index panel) const { return slot_of_panel_[at(panel)]; }
    [[nodiscard]] T* slot(Index index) const { return memory_.data() + index * layout_.size; }

private:
    Panels panels_;
    Grid grid_;
    int rank_;
    PanelLayout layout_, last_layout_;
    Residency residency_;
    Index area_panels_;
    std::vector<Index> slot_of_panel_;
    AlignedBuffer<T> memory_;
};

extern template class PanelStore<float>;
extern template class PanelStore<double>;

}  // namespace tangram
