#include "tangram/product/feature_store.hpp"

namespace tangram {

static_assert(granule_bytes == block_granule,
              "what travels is counted in the granules that blocks are made of");

namespace {

template <class T>
PanelLayout layout_of(const Network& network, const Reduction& reduction, Index samples) {
    return lay_out_panel(network, reduction, samples, sizeof(T));
}

}  // namespace

template <class T>
FeatureStore<T>::FeatureStore(const Axes& axes, const Grid& grid, int rank, const Network& network,
                              const Reduction& reduction, const Residency& residency)
    : layouts_{layout_of<T>(network, reduction, axes.row.panel_size),
               layout_of<T>(network, reduction, axes.row.size(axes.row.panels() - 1)),
               layout_of<T>(network, reduction, axes.column.size(axes.column.panels() - 1))},
      store_(axes, grid, rank, {layouts_.whole.size, layouts_.last_row.size, layouts_.last_column.size},
             residency) {}

template <class T>
ConstMatrixView<T> FeatureStore<T>::S(Index number, Index value) const {
    const PanelLayout& its = layout(number);
    if (!its.sensitivities[at(value)].stored()) return {};
    return sensitivity_view<T>(its, value, store_.block(number), axes().size_of(number));
}

Index panel_bytes(const Network& network, const Reduction& reduction, Index samples, Index value_bytes) {
    return lay_out_panel(network, reduction, samples, value_bytes).size * value_bytes;
}

template class FeatureStore<float>;
template class FeatureStore<double>;

}  // namespace tangram
