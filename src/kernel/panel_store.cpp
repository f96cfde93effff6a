#include "tangram/kernel/panel_store.hpp"

namespace tangram {

template <class T>
PanelStore<T>::PanelStore(const Panels& panels, const Grid& grid, int rank, const Network& network,
                          const Reduction& reduction, const Residency& residency)
    : panels_(panels),
      grid_(grid),
      rank_(rank),
      layout_(lay_out_panel(network, reduction, panels.panel_size, sizeof(T))),
      last_layout_(lay_out_panel(network, reduction, panels.size(panels.count() - 1), sizeof(T))),
      residency_(residency),
      area_panels_(panels_in_area(panels, grid, rank, residency)),
      slot_of_panel_(at(panels.count()), -1),
      memory_(panels_held(panels, grid, rank, residency) * layout_.size) {
    const PanelRange own = shard_panels(panels, grid, rank);
    for (Index panel = own.begin; panel < own.end; ++panel) slot_of_panel_[at(panel)] = panel - own.begin;
}

template <class T>
void PanelStore<T>::place(Index slice, Index area) {
    const Index begin = shard_panels(panels_, grid_, rank_).size() + area * area_panels_;
    for (Index& slot : slot_of_panel_) {
        if (slot >= begin && slot < begin + area_panels_) slot = -1;
    }
    Index slot = begin;
    for (const int shard : others_held(grid_, rank_)) {
        const PanelRange range =
            slice_of_shard(shard_panels(panels_, grid_, shard), residency_.slices, slice);
        for (Index panel = range.begin; panel < range.end; ++panel) slot_of_panel_[at(panel)] = slot++;
    }
}

template <class T>
T* PanelStore<T>::block(Index panel) const {
    return slot(slot_of(panel));
}

template <class T>
ConstMatrixView<T> PanelStore<T>::activation(Index panel, Index layer) const {
    return activation_view(layout(panel), layer, block(panel), panels_.size(panel));
}

template <class T>
ConstMatrixView<T> PanelStore<T>::sensitivity(Index panel, Index layer) const {
    return sensitivity_view(layout(panel), layer, block(panel), panels_.size(panel));
}

template class PanelStore<float>;
template class PanelStore<double>;

}  // namespace tangram
