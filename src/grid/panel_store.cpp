#include "tangram/grid/panel_store.hpp"

namespace tangram {

template <class T>
PanelStore<T>::PanelStore(const Axes& axes, const Grid& grid, int rank, const BlockSizes& sizes,
                          const Residency& residency)
    : axes_(axes),
      grid_(grid),
      rank_(rank),
      sizes_(sizes),
      residency_(residency),
      area_panels_(panels_in_area(axes, grid, rank, residency)),
      slot_of_panel_(at(axes.panels()), -1),
      memory_(panels_held(axes, grid, rank, residency) * sizes.whole) {
    Index slot = 0;
    for (const PanelRange& run : panels_of_shard(axes, grid, rank)) {
        for (Index panel = run.begin; panel < run.end; ++panel) slot_of_panel_[at(panel)] = slot++;
    }
}

template <class T>
void PanelStore<T>::place(Index slice, Index area) {
    assert(slice >= 0 && slice < residency_.slices && area >= 0 && area < residency_.areas());
    const Index begin = panels_owned(axes_, grid_, rank_) + area * area_panels_;
    for (Index& slot : slot_of_panel_) {
        if (slot >= begin && slot < begin + area_panels_) slot = -1;
    }
    Index slot = begin;
    for (const PanelRange& range : gathered_panels(axes_, grid_, rank_, residency_.slices, slice)) {
        for (Index panel = range.begin; panel < range.end; ++panel) slot_of_panel_[at(panel)] = slot++;
    }
}

template class PanelStore<float>;
template class PanelStore<double>;

}  // namespace tangram
