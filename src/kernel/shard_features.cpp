#include "tangram/kernel/shard_features.hpp"

#include "tangram/kernel/entry_range.hpp"
#include "tangram/tangent/features.hpp"

#include <exception>
#include <vector>

namespace tangram {

template <class T>
void compute_shard_features(const Network& network, const Reduction& reduction, const PanelRange& range,
                            ConstMatrixView<double> X, int threads, PanelStore<T>& store,
                            MatrixView<double> outputs) {
    const Panels& panels = store.panels();
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(range.size()));
#pragma omp parallel num_threads(threads) default(shared)
    {
        FeatureScratch scratch;
#pragma omp for schedule(dynamic)
        for (Index panel = range.begin; panel < range.end; ++panel) {
            const Index first = panels.begin(panel) - panels.begin(range.begin);
            const Index n = panels.size(panel);
            try {
                compute_features(network, reduction, store.layout(panel), X.row_block(first, n),
                                 panels.begin(panel), store.block(panel), outputs.row_block(first, n),
                                 scratch);
                require_entries_in_range(network, reduction, store.layout(panel), n, panels.begin(panel),
                                         store.block(panel));
            } catch (...) {
                failures[static_cast<std::size_t>(panel - range.begin)] = std::current_exception();
            }
        }
    }
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

template void compute_shard_features(const Network&, const Reduction&, const PanelRange&,
                                     ConstMatrixView<double>, int, PanelStore<float>&, MatrixView<double>);
template void compute_shard_features(const Network&, const Reduction&, const PanelRange&,
                                     ConstMatrixView<double>, int, PanelStore<double>&, MatrixView<double>);

}  // namespace tangram
