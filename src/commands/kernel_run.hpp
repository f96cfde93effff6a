#pragma once
// What the steps of `tangram kernel` hand to each other. Private to commands/kernel*.cpp.

#include "tangram/commands/inputs.hpp"
#include "tangram/commands/kernel.hpp"
#include "tangram/commands/memory_plan.hpp"
#include "tangram/output/check_report.hpp"
#include "tangram/output/lifecycle.hpp"
#include "tangram/output/outputs_check.hpp"
#include "tangram/output/resume.hpp"
#include "tangram/output/timing.hpp"
#include "tangram/support/file_lock.hpp"
#include "tangram/support/log.hpp"
#include "tangram/support/progress.hpp"
#include "tangram/support/stop_request.hpp"

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
    const StopRequest& stop;
    OutputPaths paths;
    Inputs inputs;
    KernelShape shape;
    Distribution distribution;
    int threads = 1;
    MemoryPlan memory;
    Identity identity{};  ///< of the kernel
    FileLock lock{};      ///< on the output
    OutputState state{};  ///< what was found of it; the journal's contents on rank 0
};

/// This rank's part of what the run computed, beside the tiles.
struct Computed {
    Matrix<double> outputs;                             ///< (samples of the shard, C)
    std::optional<ExpectedOutputs> expected;            ///< the same by the user's program
    std::vector<std::vector<std::uint64_t>> checksums;  ///< [matrix]: (tiles, tiles)
    bool has_begun_tiles = false;
    Index tiles_on_disk = 0;  ///< of all ranks
    bool stopped = false;     ///< on request, before all tiles were there
    Index bytes_received = 0;
    Index bytes_written = 0;
};

/// What decides every bit of the kernel. `inputs` with the digests, as on rank 0.
Identity kernel_identity(const KernelOptions& options, const Inputs& inputs, const KernelShape& shape);

/// Collective. J^T J instead of a kernel: outputs of the shard, and the tiles that are not `done`.
void compute_parameter_gram(const Run& run, const TileSet& done, TileWriter& writer, Computed& computed);

/// Collective. Features, exchange, tiles: all big arrays, into the partial file. A run that ends in order, or whose
/// input makes no finite kernel, leaves no partial file behind unless it found one or has tiles: those can be resumed.
Computed compute(const Run& run);

/// Collective. The checks of the partial file; every rank leaves with the whole report.
CheckReport check_kernel(const Run& run, const Computed& computed);

}  // namespace tangram
