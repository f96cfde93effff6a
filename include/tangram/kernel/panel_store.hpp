#pragma once
// The features that one rank holds: its own shard's panels, then, after the exchange, those of its grid row
// and column. Panels lie in slots of one buffer, each slot one contiguous block (tangent/panel.hpp).

#include "tangram/kernel/partition.hpp"
#include "tangram/support/mpi.hpp"
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

/// Collective. Completes the store: along the grid row, then along the grid column. `world` are all ranks;
/// those beyond the grid take no part. Returns the bytes that this rank received: N D (1/r + 1/c - 2/P)
/// values.
///
///               b = 0      b = 1                       b = 0           b = 1
///   BEFORE      a = 0   {0}        {1}         AFTER      a = 0   {0, 1, 2}       {0, 1, 3}
///               a = 1   {2}        {3}                    a = 1   {0, 2, 3}       {1, 2, 3}
///
///   {s}: the panels of shard s. Every pair of shards now lies together on at least one rank.
template <class T>
Index exchange(const mpi::Communicator& world, const Grid& grid, PanelStore<T>& store);

extern template class PanelStore<float>;
extern template class PanelStore<double>;

}  // namespace tangram
