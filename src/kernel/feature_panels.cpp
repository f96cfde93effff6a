#include "tangram/kernel/feature_panels.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace tangram {

FeaturePanels::FeaturePanels(const Panels& samples, const Network& network, const Reduction& reduction,
                             const ReadSamples& read_samples)
    : layout_(lay_out_panel(network, reduction, samples.panel_size, sizeof(double))),
      samples_(samples),
      network_(network),
      reduction_(reduction),
      read_samples_(read_samples) {}

void FeaturePanels::compute(const PanelRange& range, int threads) {
    held_ = range;
    while (static_cast<Index>(blocks_.size()) < range.size()) blocks_.emplace_back(layout_.size);
    outputs_.resize(blocks_.size());
    if (static_cast<int>(scratch_.size()) < threads) scratch_.resize(at(threads));
    std::vector<std::exception_ptr> failures(at(range.size()));
#pragma omp parallel for num_threads(threads) schedule(static, 1) default(shared)
    for (int thread = 0; thread < threads; ++thread) {
        for (Index panel = range.begin + thread; panel < range.end; panel += threads) {
            try {
                compute_panel(panel, scratch_[at(thread)]);
            } catch (...) {
                failures[at(panel - range.begin)] = std::current_exception();
            }
        }
    }
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

double* FeaturePanels::block(Index panel) {
    if (panel < held_.begin || panel >= held_.end) compute({panel, panel + 1}, 1);
    return blocks_[at(panel - held_.begin)].data();
}

void FeaturePanels::compute_panel(Index panel, FeatureScratch& scratch) {
    const auto slot = at(panel - held_.begin);
    Matrix<double> X(samples_.size(panel), network_.inputs());
    outputs_[slot] = Matrix<double>(X.rows(), network_.outputs());
    {
        const std::lock_guard lock(reading_);  // HDF5 is not thread-safe
        read_samples_(samples_.begin(panel), X.view());
    }
    compute_features(network_, reduction_, layout_, std::as_const(X).view(), samples_.begin(panel),
                     blocks_[slot].data(), outputs_[slot].view(), scratch);
}

Index feature_panels_bytes(const Panels& samples, const Network& network, const Reduction& reduction,
                           Index panels, int threads) {
    const Index size = std::min(samples.panel_size, samples.samples);
    const Index block = lay_out_panel(network, reduction, samples.panel_size, sizeof(double)).size;
    const Index input_and_output = size * (network.inputs() + network.outputs());
    return panels * (block + input_and_output) * Index{sizeof(double)} +
           threads * feature_scratch_bytes(network, reduction, samples.panel_size);
}

}  // namespace tangram
