#pragma once
// Features of panels of samples in float64, computed afresh from the input whenever they are asked for: what the
// checks and the parameter Gram are made of.
//
//   compute({k, k + m}, threads)     panels k .. k + m - 1, tangent/panel.hpp's block each, until the next compute()

#include "tangram/grid/axis.hpp"
#include "tangram/product/problem.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/tangent/feature_view.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/panel.hpp"

#include <cassert>
#include <functional>
#include <mutex>
#include <vector>

namespace tangram {

class FeaturePanels {
public:
    FeaturePanels(const Axis& samples, const Network& network, const Reduction& reduction,
                  const ReadSamples& read_samples);

    [[nodiscard]] const PanelLayout& layout() const { return layout_; }
    [[nodiscard]] const Axis& samples() const { return samples_; }

    /// Panels `range`, shared by `threads` threads, in the place of those that were there. Not collective. Throws
    /// what reading throws, and WrongNumberError.
    void compute(const PanelRange& range, int threads);
    /// Room for all panels, of which `range` is computed; the others are there after gather_all(). Not collective.
    void compute_part_of_all(const PanelRange& range, int threads);
    /// Collective. Panels that another rank has computed, from each rank's `part`:
    ///
    ///   BEFORE   rank p has the panels of its part     AFTER   every rank has all panels
    void gather_all(const mpi::Communicator& world, const std::function<PanelRange(int rank)>& part);
    /// Gives back the memory of all panels.
    void forget();
    [[nodiscard]] bool holds(const PanelRange& range) const {
        return range.begin >= held_.begin && range.end <= held_.end;
    }
    /// The features of one panel; computed first where it is not among those that are there.
    double* block(Index panel);
    /// The same as rows of the Jacobian are made of.
    FeatureView view(Index panel) {
        return {network_, reduction_, layout_, block(panel), samples_.size(panel)};
    }
    /// Its samples' outputs, (n, C). Of a panel that is there.
    [[nodiscard]] const Matrix<double>& outputs(Index panel) const {
        assert(panel >= held_.begin && panel < held_.end);
        return outputs_[at(panel - held_.begin)];
    }

private:
    void hold(const PanelRange& range);
    void compute_panel(Index panel, FeatureScratch& scratch);

    PanelLayout layout_;
    Axis samples_;
    const Network& network_;
    const Reduction& reduction_;
    ReadSamples read_samples_;
    PanelRange held_;
    std::vector<AlignedBuffer<double>> blocks_;  ///< one a panel; kept for the next compute()
    std::vector<Matrix<double>> outputs_;
    std::vector<FeatureScratch> scratch_;  ///< one a thread
    std::mutex reading_;
};

/// Bytes of `panels` panels at once, on `threads` threads, while they are computed.
Index feature_panels_bytes(const Axis& samples, const Network& network, const Reduction& reduction,
                           Index panels, int threads);

}  // namespace tangram
