#pragma once
// What the steps of `tangram kernel` hand to each other. Private to commands/kernel*.cpp.

#include "tangram/commands/inputs.hpp"
#include "tangram/commands/kernel.hpp"
#include "tangram/commands/memory_plan.hpp"
#include "tangram/output/check_report.hpp"
#include "tangram/output/lifecycle.hpp"
#include "tangram/output/outputs_check.hpp"
#include "tangram/output/timing.hpp"
#include "tangram/support/log.hpp"
#include "tangram/support/progress.hpp"

#include <optional>
#include <vector>

namespace tangram {

/// A run and everything that is settled before it computes.
struct Run {
    const KernelOptions& options;
    const mpi::Communicator& world;
    Log& log;
    Progress& progress;
    PhaseTimer& timer;
    OutputPaths paths;
    Inputs inputs;
    KernelShape shape;
    Distribution distribution;
    int threads = 1;
    MemoryPlan memory;
};

/// This rank's part of what the run computed, beside the tiles.
struct Computed {
    Matrix<double> outputs;                             ///< (samples of the shard, C)
    std::optional<ExpectedOutputs> expected;            ///< the same by the user's program
    std::vector<std::vector<std::uint64_t>> checksums;  ///< [matrix]: (tiles, tiles)
    Index bytes_received = 0;
    Index bytes_written = 0;
};

/// Collective. The checks of the partial file; every rank leaves with the whole report.
CheckReport check_kernel(const Run& run, const Computed& computed);

}  // namespace tangram
