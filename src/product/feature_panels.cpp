#include "tangram/product/feature_panels.hpp"

#include "tangram/support/threads.hpp"

#include <algorithm>
#include <utility>

namespace tangram {

FeaturePanels::FeaturePanels(const Axis& samples, const Network& network, const Reduction& reduction,
                             const ReadSamples& read_samples)
    : layout_(lay_out_panel(network, reduction, samples.panel_size, sizeof(double))),
      samples_(samples),
      network_(network),
      reduction_(reduction),
      read_samples_(read_samples) {}

void FeaturePanels::hold(const PanelRange& range) {
    held_ = range;
    while (static_cast<Index>(blocks_.size()) < range.size()) blocks_.emplace_back(layout_.size);
    outputs_.resize(blocks_.size());
}

void FeaturePanels::compute(const PanelRange& range, int threads) {
    hold(range);
    if (static_cast<int>(scratch_.size()) < threads) scratch_.resize(at(threads));
    share_out(threads, range.begin, range.end,
              [&](Index panel, int thread) { compute_panel(panel, scratch_[at(thread)]); });
}

void FeaturePanels::compute_part_of_all(const PanelRange& range, int threads) {
    hold({0, samples_.panels()});
    if (static_cast<int>(scratch_.size()) < threads) scratch_.resize(at(threads));
    share_out(threads, range.begin, range.end,
              [&](Index panel, int thread) { compute_panel(panel, scratch_[at(thread)]); });
}

void FeaturePanels::gather_all(const mpi::Communicator& world,
                               const std::function<PanelRange(int rank)>& part) {
    const Index bytes = layout_.size * Index{sizeof(double)};
    for (int rank = 0; rank < world.size(); ++rank) {
        const PanelRange range = part(rank);
        for (Index panel = range.begin; panel < range.end; ++panel)
            mpi::broadcast_bytes(world, blocks_[at(panel)].data(), bytes, rank);
    }
}

void FeaturePanels::forget() {
    held_ = {};
    blocks_.clear();
    outputs_.clear();
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
    compute_features({network_, reduction_, layout_}, std::as_const(X).view(), samples_.begin(panel),
                     blocks_[slot].data(), outputs_[slot].view(), scratch);
}

Index feature_panels_bytes(const Axis& samples, const Network& network, const Reduction& reduction,
                           Index panels, int threads) {
    const Index size = std::min(samples.panel_size, samples.extent);
    const Index block = lay_out_panel(network, reduction, samples.panel_size, sizeof(double)).size;
    const Index input_and_output = size * (network.inputs() + network.outputs());
    return panels * (block + input_and_output) * Index{sizeof(double)} +
           threads * feature_scratch_bytes(network, reduction, samples.panel_size);
}

}  // namespace tangram
