#pragma once
// The features of a rank's own panels of one axis, panel by panel, threads sharing the panels.

#include "tangram/product/feature_panels.hpp"
#include "tangram/product/feature_store.hpp"

#include <memory>

namespace tangram {

/// Computes the numbered panels of `range`, all of one axis, into the store, and the outputs into `outputs` (samples of the
/// range, C). X (samples of the range, d_0). Not collective. Throws WrongNumberError for the first panel in which a
/// feature, or a kernel entry that will be made of them, is not finite.
template <class T>
void compute_shard_features(const Network& network, const Reduction& reduction, const PanelRange& range,
                            ConstMatrixView<double> X, int threads, FeatureStore<T>& store,
                            MatrixView<double> outputs);

/// The same, and keeps the features in float64, from which those of the store are rounded: the same bits.
template <class T>
std::unique_ptr<FeaturePanels> keep_shard_features(const Network& network, const Reduction& reduction,
                                                   const PanelRange& range, ConstMatrixView<double> X,
                                                   int threads, FeatureStore<T>& store,
                                                   MatrixView<double> outputs);

}  // namespace tangram
