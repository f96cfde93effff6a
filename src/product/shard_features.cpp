#include "tangram/product/shard_features.hpp"

#include "tangram/product/entry_range.hpp"
#include "tangram/support/threads.hpp"
#include "tangram/tangent/features.hpp"

namespace tangram {

template <class T>
void compute_shard_features(const Network& network, const Reduction& reduction, const PanelRange& range,
                            ConstMatrixView<double> X, int threads, FeatureStore<T>& store,
                            MatrixView<double> outputs) {
    if (range.size() == 0) return;
    const Axis& axis = store.axes().axis_of(range.begin);
    const Index begin = axis.begin(store.axes().panel_of(range.begin));
    std::vector<FeatureScratch> scratch(at(threads));
    share_out(threads, range.begin, range.end, [&](Index number, int thread) {
        const Index sample = axis.begin(store.axes().panel_of(number));
        const Index n = store.axes().size_of(number);
        T* const block = store.panels().block(number);
        compute_features({network, reduction, store.layout(number)}, X.row_block(sample - begin, n), sample,
                         block, outputs.row_block(sample - begin, n), scratch[at(thread)]);
        require_entries_in_range(network, reduction, store.layout(number), n, sample, block);
    });
}

template void compute_shard_features(const Network&, const Reduction&, const PanelRange&,
                                     ConstMatrixView<double>, int, FeatureStore<float>&, MatrixView<double>);
template void compute_shard_features(const Network&, const Reduction&, const PanelRange&,
                                     ConstMatrixView<double>, int, FeatureStore<double>&, MatrixView<double>);

}  // namespace tangram
