#include "probe_shard.hpp"

#include <exception>
#include <utility>

namespace tangram {

ProbeShard::ProbeShard(const Panels& panels, const PanelRange& shard, const Network& network,
                       const Reduction& reduction, const ReadSamples& read_samples)
    : layout_(lay_out_panel(network, reduction, panels.panel_size, sizeof(double))),
      range_(shard),
      panels_(panels),
      network_(network),
      reduction_(reduction),
      read_samples_(read_samples) {}

void ProbeShard::keep_all(int threads) {
    for (Index panel = range_.begin; panel < range_.end; ++panel) blocks_.emplace_back(layout_.size);
    std::vector<std::exception_ptr> failures(at(range_.size()));
#pragma omp parallel num_threads(threads) default(shared)
    {
        FeatureScratch scratch;
#pragma omp for schedule(dynamic)
        for (Index panel = range_.begin; panel < range_.end; ++panel) {
            try {
                compute(panel, blocks_[at(panel - range_.begin)].data(), scratch);
            } catch (...) {
                failures[at(panel - range_.begin)] = std::current_exception();
            }
        }
    }
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

double* ProbeShard::block(Index panel) {
    if (!blocks_.empty()) return blocks_[at(panel - range_.begin)].data();
    if (panel != computed_) {
        if (single_.size() == 0) single_ = AlignedBuffer<double>(layout_.size);
        compute(panel, single_.data(), scratch_);
        computed_ = panel;
    }
    return single_.data();
}

void ProbeShard::compute(Index panel, double* block, FeatureScratch& scratch) {
    Matrix<double> X(panels_.size(panel), network_.inputs());
    Matrix<double> outputs(X.rows(), network_.outputs());
    {
        const std::lock_guard lock(reading_);  // HDF5 is not thread-safe
        read_samples_(panels_.begin(panel), X.view());
    }
    compute_features(network_, reduction_, layout_, std::as_const(X).view(), panels_.begin(panel), block,
                     outputs.view(), scratch);
}

}  // namespace tangram
