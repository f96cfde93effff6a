#include "tangram/product/shard_features.hpp"

#include "tangram/product/entry_range.hpp"
#include "tangram/support/threads.hpp"
#include "tangram/tangent/features.hpp"

#include <algorithm>
#include <vector>

namespace tangram {

namespace {

/// One array of a panel from float64 to T; whether all of it is finite there.
template <class T>
bool round_array(ConstMatrixView<double> from, MatrixView<T> to) {
    T watch = 0;  // stays 0 unless a value is infinite or NaN
    for (Index i = 0; i < from.rows; ++i) {
        for (Index j = 0; j < from.cols; ++j) {
            to(i, j) = static_cast<T>(from(i, j));
            watch += to(i, j) * T{0};
        }
    }
    return watch == T{0};
}

/// The features of n samples, as they are laid out in float64 and in T.
template <class T>
bool round_panel(const PanelLayout& wide, double* from, const PanelLayout& layout, Index n, T* to) {
    bool finite = true;
    for (std::size_t v = 0; v < layout.values.size(); ++v) {
        const auto value = static_cast<Index>(v);
        if (layout.values[v].stored()) {
            finite =
                round_array<T>(value_view(wide, value, from, n), value_view(layout, value, to, n)) && finite;
        }
        if (layout.sensitivities[v].stored()) {
            finite = round_array<T>(sensitivity_view(wide, value, from, n),
                                    sensitivity_view(layout, value, to, n)) &&
                     finite;
        }
    }
    return finite;
}

}  // namespace

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

template <class T>
std::unique_ptr<FeaturePanels> keep_shard_features(const Network& network, const Reduction& reduction,
                                                   const PanelRange& range, ConstMatrixView<double> X,
                                                   int threads, FeatureStore<T>& store,
                                                   MatrixView<double> outputs) {
    const Axes& axes = store.axes();
    const Axis& axis = axes.axis_of(range.begin);
    const Index begin = axis.begin(axes.panel_of(range.begin));
    // Asked for now and never again: every panel stays.
    const ReadSamples from_memory = [X, begin](Index first, MatrixView<double> out) {
        for (Index i = 0; i < out.rows; ++i) std::copy_n(X.row(first - begin + i), out.cols, out.row(i));
    };
    auto kept = std::make_unique<FeaturePanels>(axis, network, reduction, from_memory);
    kept->compute({axes.panel_of(range.begin), axes.panel_of(range.end - 1) + 1}, threads);
    std::vector<FeatureScratch> scratch(at(threads));
    share_out(threads, range.begin, range.end, [&](Index number, int thread) {
        const Index panel = axes.panel_of(number);
        const Index sample = axis.begin(panel);
        const Index n = axes.size_of(number);
        const PanelLayout& layout = store.layout(number);
        T* const block = store.panels().block(number);
        if (!round_panel(kept->layout(), kept->block(panel), layout, n, block)) {
            compute_features({network, reduction, layout}, X.row_block(sample - begin, n), sample, block,
                             outputs.row_block(sample - begin, n), scratch[at(thread)]);  // says where
        }
        const Matrix<double>& its = kept->outputs(panel);
        std::copy_n(its.data(), its.size(), outputs.row_block(sample - begin, n).data);
        require_entries_in_range(network, reduction, layout, n, sample, block);
    });
    return kept;
}

template void compute_shard_features(const Network&, const Reduction&, const PanelRange&,
                                     ConstMatrixView<double>, int, FeatureStore<float>&, MatrixView<double>);
template void compute_shard_features(const Network&, const Reduction&, const PanelRange&,
                                     ConstMatrixView<double>, int, FeatureStore<double>&, MatrixView<double>);

template std::unique_ptr<FeaturePanels> keep_shard_features(const Network&, const Reduction&,
                                                            const PanelRange&, ConstMatrixView<double>, int,
                                                            FeatureStore<float>&, MatrixView<double>);
template std::unique_ptr<FeaturePanels> keep_shard_features(const Network&, const Reduction&,
                                                            const PanelRange&, ConstMatrixView<double>, int,
                                                            FeatureStore<double>&, MatrixView<double>);

}  // namespace tangram
