#pragma once
// The right-hand side of the probe in the space of parameters: J^T (J u), in float64, and the trace of J J^T. Private to
// output/parameter_gram_check.cpp, whose public header gives the formulas.

#include "tangram/kernel/feature_panels.hpp"
#include "tangram/support/mpi.hpp"

#include <vector>

namespace tangram {

struct GramReference {
    std::vector<double> products;  ///< (P): this rank's samples' part of f J^T (J u)
    double trace = 0;              ///< of f J J^T, all samples
};

/// Collective. `u` (P). Batches `range` of the features are this rank's.
GramReference gram_reference(const mpi::Communicator& comm, const Network& network,
                             const Reduction& reduction, FeaturePanels& features, const PanelRange& range,
                             int threads, const std::vector<double>& u);

}  // namespace tangram
