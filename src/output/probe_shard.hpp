#pragma once
// A rank's shard in float64, computed afresh for the probe: the features of all its panels kept, or those of one
// at a time. Private to output/probe_reference.cpp.

#include "tangram/kernel/partition.hpp"
#include "tangram/output/entry_check.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/panel.hpp"

#include <mutex>
#include <vector>

namespace tangram {

class ProbeShard {
public:
    ProbeShard(const Panels& panels, const PanelRange& shard, const Network& network,
               const Reduction& reduction, const ReadSamples& read_samples);

    [[nodiscard]] const PanelLayout& layout() const { return layout_; }
    [[nodiscard]] const PanelRange& range() const { return range_; }  ///< panels

    /// Computes all panels now, on `threads` threads, and keeps them.
    void keep_all(int threads);

    /// The features of one panel; where they are not kept, until the next call for another panel.
    double* block(Index panel);

private:
    void compute(Index panel, double* block, FeatureScratch& scratch);

    PanelLayout layout_;
    PanelRange range_;
    const Panels& panels_;
    const Network& network_;
    const Reduction& reduction_;
    const ReadSamples& read_samples_;
    std::vector<AlignedBuffer<double>> blocks_;  ///< one a panel
    AlignedBuffer<double> single_;
    Index computed_ = -1;  ///< the panel in single_
    FeatureScratch scratch_;
    std::mutex reading_;
};

}  // namespace tangram
