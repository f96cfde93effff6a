#include "tangram/kernel/panel_store.hpp"

#include <utility>

namespace tangram {

template <class T>
PanelStore<T>::PanelStore(const Panels& panels, const Grid& grid, int rank, PanelLayout layout)
    : panels_(panels),
      layout_(std::move(layout)),
      first_slots_(static_cast<std::size_t>(grid.active()), -1),
      slot_of_panel_(static_cast<std::size_t>(panels.count()), -1) {
    Index slots = 0;
    for (int shard = 0; shard < grid.active() && rank < grid.active(); ++shard) {
        if (!grid.holds(rank, shard)) continue;
        const PanelRange range = shard_panels(panels, grid, shard);
        first_slots_[static_cast<std::size_t>(shard)] = slots;
        for (Index panel = range.begin; panel < range.end; ++panel) {
            slot_of_panel_[static_cast<std::size_t>(panel)] = slots++;
        }
    }
    memory_ = AlignedBuffer<T>(slots * layout_.size);
}

template <class T>
T* PanelStore<T>::block(Index panel) const {
    return slot(slot_of_panel_[static_cast<std::size_t>(panel)]);
}

template <class T>
ConstMatrixView<T> PanelStore<T>::activation(Index panel, Index layer) const {
    return activation_view(layout_, layer, block(panel), panels_.size(panel));
}

template <class T>
ConstMatrixView<T> PanelStore<T>::sensitivity(Index panel, Index layer) const {
    return sensitivity_view(layout_, layer, block(panel), panels_.size(panel));
}

template class PanelStore<float>;
template class PanelStore<double>;

}  // namespace tangram
