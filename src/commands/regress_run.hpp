#pragma once
// One run of `tangram regress`: what was read and chosen, and all its numbers. Private to commands/.

#include "regress_inputs.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/regression/plan.hpp"
#include "tangram/support/mpi.hpp"

#include <vector>

namespace tangram {

struct RegressRun {
    const RegressOptions& options;
    const mpi::Communicator& world;
    RegressInputs inputs;
    OutputPaths paths;
    std::vector<double> ridges;  ///< empty where they are chosen by the eigenvalues, or none are wanted
    bool is_automatic = false;
    std::vector<double> times;  ///< tau
    RegressionMethod method = RegressionMethod::cholesky;
    BlockCyclic layout{};
    int threads = 1;
    [[nodiscard]] const RegressionProblem& problem() const { return inputs.result.problem; }
    [[nodiscard]] Scores scores() const { return options.scores == "all" ? Scores::all : Scores::likelihood; }
};

/// Collective over the ranks that hold the kernel. Fills in the run's result, checks and notes.
void compute(RegressRun& run, const mpi::Communicator& comm);

}  // namespace tangram
