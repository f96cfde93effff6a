#pragma once
// The features that one rank holds: its own shard's panels, then, after the exchange, those of its grid row
// and column. Panels lie in slots of one buffer, each slot one contiguous block (tangent/panel.hpp).

#include "tangram/kernel/partition.hpp"
#include "tangram/tangent/panel.hpp"

#include <span>
#include <vector>

namespace tangram {

template <class T>
class PanelStore {
public:
    /// Room for every panel that `rank` holds after the exchange; an idle rank holds none.
    PanelStore(const Panels& panels, const Grid& grid, int rank, PanelLayout layout);

    [[nodiscard]] const PanelLayout& layout() const { return layout_; }
    [[nodiscard]] const Panels& panels() const { return panels_; }
    /// The block of a panel that this rank holds.
    [[nodiscard]] T* block(Index panel) const;
    /// X_{l-1} of a panel, (n, d_{l-1}), layer counted from 0.
    [[nodiscard]] ConstMatrixView<T> activation(Index panel, Index layer) const;
    /// S_l of a panel, (n, R d_l), or (n R, d_l) for full.
    [[nodiscard]] ConstMatrixView<T> sensitivity(Index panel, Index layer) const;
    /// The first slot of a shard's panels, or -1 where this rank does not hold them.
    [[nodiscard]] Index first_slot(int shard) const { return first_slots_[static_cast<std::size_t>(shard)]; }
    [[nodiscard]] T* slot(Index index) const { return memory_.data() + index * layout_.size; }

private:
    Panels panels_;
    PanelLayout layout_;
    std::vector<Index> first_slots_;    ///< by shard
    std::vector<Index> slot_of_panel_;  ///< by panel, -1 where not held
    AlignedBuffer<T> memory_;
};

extern template class PanelStore<float>;
extern template class PanelStore<double>;

}  // namespace tangram
