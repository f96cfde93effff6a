#pragma once
// The features that one rank holds for its tiles: the blocks of grid/panel_store.hpp, laid out by tangent/panel.hpp.

#include "tangram/grid/panel_store.hpp"
#include "tangram/product/problem.hpp"
#include "tangram/tangent/panel.hpp"

namespace tangram {

template <class T>
class FeatureStore {
public:
    FeatureStore(const Axes& axes, const Grid& grid, int rank, const Network& network,
                 const Reduction& reduction, const Residency& residency = {});

    [[nodiscard]] PanelStore<T>& panels() { return store_; }
    [[nodiscard]] const PanelStore<T>& panels() const { return store_; }
    [[nodiscard]] const Axes& axes() const { return store_.axes(); }
    /// The layout of a numbered panel: the last one of an axis may be shorter, and travels as such.
    [[nodiscard]] const PanelLayout& layout(Index number) const {
        return layouts_.of(axes().kind_of(number));
    }
    /// X of a value, (n, d).
    [[nodiscard]] ConstMatrixView<T> X(Index number, Index value) const {
        return value_view<T>(layout(number), value, store_.block(number), axes().size_of(number));
    }
    /// S of a value, (n, R d), or (n R, d) for full; without memory where it is not stored.
    [[nodiscard]] ConstMatrixView<T> S(Index number, Index value) const;

private:
    ByPanelKind<PanelLayout> layouts_;
    PanelStore<T> store_;
};

/// Bytes of the block of a whole panel of `samples` samples in values of `value_bytes`.
Index panel_bytes(const Network& network, const Reduction& reduction, Index samples, Index value_bytes);

extern template class FeatureStore<float>;
extern template class FeatureStore<double>;

}  // namespace tangram
