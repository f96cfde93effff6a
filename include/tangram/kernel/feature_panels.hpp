#pragma once
// Features of panels of samples in float64, computed afresh from the input whenever they are asked for: what the
// checks and the parameter Gram are made of.
//
//   compute({k, k + m}, threads)     panels k .. k + m - 1, tangent/panel.hpp's block each, until the next compute()

#include "tangram/kernel/partition.hpp"
#include "tangram/model/samples.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/panel.hpp"

#include <mutex>
#include <vector>

namespace tangram {

class FeaturePanels {
public:
    FeaturePanels(const Panels& samples, const Network& network, const Reduction& reduction,
                  const ReadSamples& read_samples);

    [[nodiscard]] const PanelLayout& layout() const { return layout_; }
    [[nodiscard]] const Panels& samples() const { return samples_; }

    /// Panels `range`, shared by `threads` threads, in the place of those that were there. Not collective. Throws
    /// what reading throws, and WrongNumberError.
    void compute(const PanelRange& range, int threads);
    /// The features of one panel; computed first where it is not among those that are there.
    double* block(Index panel);
    /// Its samples' outputs, (n, C). Of a panel that is there.
    [[nodiscard]] const Matrix<double>& outputs(Index panel) const {
        return outputs_[at(panel - held_.begin)];
    }

private:
    void compute_panel(Index panel, FeatureScratch& scratch);

    PanelLayout layout_;
    Panels samples_;
    const Network& network_;
    const Reduction& reduction_;
    const ReadSamples& read_samples_;
    PanelRange held_;
    std::vector<AlignedBuffer<double>> blocks_;  ///< one a panel; kept for the next compute()
    std::vector<Matrix<double>> outputs_;
    std::vector<FeatureScratch> scratch_;  ///< one a thread
    std::mutex reading_;
};

/// Bytes of `panels` panels at once, on `threads` threads, while they are computed.
Index feature_panels_bytes(const Panels& samples, const Network& network, const Reduction& reduction,
                           Index panels, int threads);

}  // namespace tangram
