#pragma once
// What the steps of `tangram kernel` hand to each other.

#include "tangram/checks/check_report.hpp"
#include "tangram/checks/outputs_check.hpp"
#include "tangram/file/metadata.hpp"
#include "tangram/life/resume.hpp"
#include "tangram/product/measure_sums.hpp"
#include "tangram/product/neighbours.hpp"
#include "tangram/run/inputs.hpp"
#include "tangram/support/file_lock.hpp"
#include "tangram/support/log.hpp"
#include "tangram/support/phases.hpp"
#include "tangram/support/progress.hpp"
#include "tangram/support/stop_request.hpp"

#include <optional>
#include <vector>

namespace tangram {

/// Seed of the probe vectors and of the finite differences' directions: fixed, so that a check can be repeated.
inline constexpr std::uint64_t check_seed = 1;

/// What a run is surrounded by.
struct RunContext {
    const KernelOptions& options;
    const mpi::Communicator& world;
    Log& log;
    Progress& progress;
    PhaseTimer& timer;
    const StopRequest& stop;
};

/// Everything that is settled before a run computes. `problem` refers to `inputs`, which stay where they are.
struct Run {
    const RunContext& context;
    const Inputs& inputs;
    const Product& product;
    Problem problem;
    Shape made;                          ///< what the tile loop makes
    Shape shape;                         ///< what of it the file holds
    std::optional<Measuring> measuring;  ///< what is measured of it
    int ranks = 1;                       ///< those that there are, or that a dry run plans for
    int threads = 1;
    Index check_samples = 0;  ///< of each set; 0: no checks
    MemoryPlan memory;
    Index file_bytes = 0;  ///< that the finished file takes, about
    OutputPaths paths;
    Identity identity{};  ///< of the kernel
    FileLock lock{};      ///< on the output
    OutputState state{};  ///< what was found of it; the journal's contents on rank 0

    [[nodiscard]] const mpi::Communicator& world() const { return context.world; }
    [[nodiscard]] Distribution distribution(const TileSet& done = {}) const {
        return product.distribute(shape, ranks, context.world.rank(), done);
    }
};

/// This rank's part of what is computed of one set of samples.
struct ComputedSet {
    PanelRange samples;
    Matrix<double> outputs;                   ///< (n, C)
    std::optional<ExpectedOutputs> expected;  ///< the same by the user's program
    std::vector<std::uint64_t> hashes;        ///< (n): XXH3 of each sample as the network sees it
};

/// This rank's part of what the run computed, beside the tiles.
struct Computed {
    ComputedSet samples;
    std::optional<ComputedSet> test;
    std::vector<Matrix<double>> diagonals;              ///< [tensor]: of the test samples, (n, R' R')
    std::vector<std::vector<std::uint64_t>> checksums;  ///< [matrix]: (row panels, column panels)
    KeptFeatures features{};                            ///< for the checks
    std::optional<Neighbours>
        neighbours{};  ///< of each row, where they are asked for; at the end all ranks', on root
    std::optional<MeasureSums> sums{};  ///< where something is measured; at the end all ranks', on root
    std::string measures_table{};       ///< of them, for people; on root
    bool has_begun_tiles = false;
    Index tiles_kept = 0;  ///< of all ranks: on disk or, where no matrix is stored, in the sums
    bool stopped = false;  ///< on request, before all tiles were there
    Index bytes_received = 0;
    Index bytes_written = 0;
};

/// What decides every bit of the kernel. `inputs` with the digests, as on rank 0.
Identity kernel_identity(const KernelOptions& options, const Inputs& inputs, const Product& product,
                         const Shape& shape);

/// Collective. Features, exchange, tiles: all big arrays, into the output. A run that ends in order, or whose
/// input makes no finite kernel, leaves no partial file behind unless it found one or has tiles: those can be resumed.
Computed compute(const Run& run, OpenedOutput& output);

/// One rank. Removes what this run has begun to write, where it found nothing to go on from.
void remove_begun(const Run& run);

/// Collective. The checks of the partial file; every rank leaves with the whole report.
CheckReport check_kernel(const Run& run, const Computed& computed);

/// Collective. All that is small in the file, whole on rank 0.
KernelMetadata gather_metadata(const Run& run, Computed& computed, const CheckReport& report);

}  // namespace tangram
