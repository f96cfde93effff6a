// The main job, from top to bottom in run_kernel(): plan, load, compute, write, check, finish. Its options
// are in kernel_options.cpp, its inputs in inputs.cpp, what it prints in summary.cpp.

#include "tangram/commands/kernel.hpp"

#include "tangram/commands/inputs.hpp"
#include "tangram/commands/summary.hpp"
#include "tangram/kernel/shard_features.hpp"
#include "tangram/kernel/tile_loop.hpp"
#include "tangram/output/entry_check.hpp"
#include "tangram/output/jacobian_check.hpp"
#include "tangram/output/lifecycle.hpp"
#include "tangram/output/metadata.hpp"
#include "tangram/output/outputs_check.hpp"
#include "tangram/output/tile_writer.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/cores.hpp"

#include <cstdio>
#include <filesystem>
#include <iostream>

namespace tangram {

namespace {

/// Seed of the probe vector and of the finite differences' directions: fixed, so that a check can be
/// repeated.
constexpr std::uint64_t check_seed = 1;

/// A run and everything that is settled before it computes.
struct Run {
    const KernelOptions& options;
    const mpi::Communicator& world;
    Log& log;
    PhaseTimer& timer;
    OutputPaths paths;
    Inputs inputs;
    KernelShape shape;
    Distribution distribution;
    int threads = 1;
};

/// This rank's part of what the run computed, beside the tiles.
struct Computed {
    Matrix<double> outputs;                             ///< (samples of the shard, C)
    std::optional<ExpectedOutputs> expected;            ///< the same by the user's program
    std::vector<std::vector<std::uint64_t>> checksums;  ///< [matrix]: (tiles, tiles)
    Index bytes_received = 0;
    Index bytes_written = 0;
};

ConjugateKernels choose_conjugate_kernels(const KernelOptions& options) {
    const std::string fallback = options.components == "none" ? "none" : "last";
    const std::string wanted = options.conjugate_kernels.value_or(fallback);
    return wanted == "all"    ? ConjugateKernels::all
           : wanted == "last" ? ConjugateKernels::last
                              : ConjugateKernels::none;
}

/// Throws Error(usage) if --tile makes tiles that HDF5 cannot hold in one chunk.
KernelShape choose_shape(const KernelOptions& options, const Inputs& inputs) {
    const Index samples = inputs.selection.count();
    const Index rows = inputs.reduction.rows_per_sample();
    KernelShape shape;
    shape.panels = {samples, options.tile.value_or(default_panel_size(samples, rows))};
    shape.outputs = inputs.network.outputs();
    shape.precision = parse_precision(options.precision);
    shape.matrices = kernel_matrices(inputs.network, inputs.reduction, options.components == "all",
                                     choose_conjugate_kernels(options));
    const Index side = shape.tile_rows(shape.matrices.back());
    if (side > largest_tile_rows) {
        fail(ExitCode::usage, "--tile {} makes tiles of {} x {} kernel entries: give at most {}",
             shape.panels.panel_size, side, side, std::max<Index>(1, largest_tile_rows / rows));
    }
    return shape;
}

/// Collective.
Run prepare(const KernelOptions& options, const mpi::Communicator& world, Log& log, PhaseTimer& timer) {
    const auto timed = timer.measure(Phase::read);
    const OutputPaths paths(options.output);
    agree_on_root(world, [&] { require_writable(paths, options.overwrite, input_files(options)); });
    Inputs inputs = load_inputs(options, world);
    KernelShape shape;
    agree(world, [&] { shape = choose_shape(options, inputs); });
    Distribution distribution = distribute(shape.panels, world.size(), world.rank());
    const int threads = options.threads ? static_cast<int>(*options.threads) : default_threads(world);
    return {options, world, log, timer, paths, std::move(inputs), std::move(shape), std::move(distribution),
            threads};
}

/// Collective. Reads the shard, with the outputs that the user expects of it, and computes its features into
/// the store.
template <class T>
void compute_shard(const Run& run, PanelStore<T>& store, Computed& computed) {
    const PanelRange& samples = run.distribution.shard_samples;
    const Inputs& inputs = run.inputs;
    Matrix<double> X;
    agree(run.world, [&] {
        const auto timed = run.timer.measure(Phase::read);
        X = Matrix<double>(samples.size(), inputs.network.inputs());
        computed.outputs = Matrix<double>(samples.size(), inputs.network.outputs());
        if (!run.options.expected_outputs.empty()) {
            computed.expected.emplace();
            computed.expected->values = Matrix<double>(samples.size(), inputs.network.outputs());
        }
        if (samples.size() == 0) return;
        read_samples(run.options.samples, inputs.selection, samples.begin, X.view());
        if (computed.expected) {
            computed.expected->is_narrow =
                read_expected_outputs(run.options.expected_outputs, inputs.selection, samples.begin,
                                      computed.expected->values.view());
        }
    });
    agree(run.world, [&] {
        const auto timed = run.timer.measure(Phase::features);
        compute_shard_features(inputs.network, inputs.reduction, run.distribution.shard,
                               std::as_const(X).view(), run.threads, store, computed.outputs.view());
    });
}

/// Collective. Features, exchange, tiles: all big arrays, into the partial file.
template <class T>
Computed compute(const Run& run) {
    const Inputs& inputs = run.inputs;
    const std::string& partial = run.paths.partial;
    Computed computed;
    PanelStore<T> store(
        run.shape.panels, run.distribution.grid, run.world.rank(),
        lay_out_panel(inputs.network, inputs.reduction, run.shape.panels.panel_size, sizeof(T)));
    compute_shard(run, store, computed);
    run.log.info("features of {} samples in {:.2f} s", run.shape.panels.samples,
                 run.timer.seconds(Phase::features));
    create_kernel_file(run.world, partial, run.shape, run.log);
    TileWriter writer(partial, run.shape);
    try {
        const TileLoopReport loop = run_tile_loop<T>(
            run.world, run.distribution, inputs.network, inputs.reduction, run.shape.matrices, store,
            run.threads, [&](const FinishedPlane<T>& plane) { writer.write(plane); }, [] {});
        run.timer.add(Phase::exchange, loop.exchange_seconds);
        run.timer.add(Phase::assemble, loop.assemble_seconds);
        computed.bytes_received = loop.bytes_received;
    } catch (const Error& error) {
        // Input that makes no finite kernel leaves no file behind; after a fault of the disk there is
        // something to look at.
        if (error.code() == ExitCode::bad_input) std::remove(partial.c_str());
        throw;
    }
    const auto timed = run.timer.measure(Phase::write);
    agree(run.world, [&] {
        writer.write_outputs(run.distribution.shard_samples.begin, std::as_const(computed.outputs).view());
        writer.sync();
    });
    computed.checksums = std::move(writer.checksums());
    computed.bytes_written = writer.bytes_written();
    return computed;
}

/// Collective. The inputs of the check samples, each read by the rank whose shard it is in, on every rank.
/// (M, d_0)
Matrix<double> gather_check_samples(const Run& run, const std::vector<std::int64_t>& samples) {
    const PanelRange& mine = run.distribution.shard_samples;
    Matrix<double> X(static_cast<Index>(samples.size()), run.inputs.network.inputs());
    for (Index k = 0; k < X.rows(); ++k) {
        const Index sample = samples[at(k)];
        if (sample < mine.begin || sample >= mine.end) continue;
        read_samples(run.options.samples, run.inputs.selection, sample, X.view().row_block(k, 1));
    }
    mpi::sum(run.world, {X.data(), at(X.size())});  // zero on all ranks but one
    return X;
}

/// Collective. The checks of the partial file; every rank leaves with the whole report.
CheckReport check(const Run& run, const Computed& computed) {
    const auto timed = run.timer.measure(Phase::check);
    const Inputs& inputs = run.inputs;
    CheckReport report;
    report.run = run.options.check_samples > 0;
    report.seed = check_seed;
    report.tolerance_is_given = run.options.check_tolerance.has_value();
    report.tolerance = run.options.check_tolerance.value_or(default_tolerance(run.shape.precision));
    if (computed.expected)
        check_expected_outputs(run.world, *computed.expected, computed.outputs.view(), report);
    if (inputs.labels) {
        check_labels(run.world, *inputs.labels, run.distribution.shard_samples.begin,
                     run.shape.panels.samples, computed.outputs.view(), report);
    }
    if (!report.run) return report;
    report.samples = spread_check_samples(run.shape.panels.samples, run.options.check_samples);
    const Matrix<double> X = gather_check_samples(run, report.samples);
    check_against_jacobian(run.world, run.paths.partial, run.shape, inputs.network, inputs.reduction,
                           X.view(), report);
    const ReadSamples read = [&](Index first, MatrixView<double> out) {
        read_samples(run.options.samples, inputs.selection, first, out);
    };
    check_all_entries(run.world, run.paths.partial, run.shape, run.distribution, inputs.network,
                      inputs.reduction, read, run.threads, report);
    return report;
}

/// Collective. What all ranks together took; whole on rank 0.
Timing gather_timing(const Run& run, const Computed& computed) {
    Timing timing;
    timing.ranks = run.world.size();
    timing.threads = run.threads;
    timing.flops = tile_operations(run.inputs.network, run.inputs.reduction, run.shape.panels.samples);
    timing.bytes_received = mpi::sum(run.world, computed.bytes_received);
    timing.bytes_written = mpi::sum(run.world, computed.bytes_written);
    const std::vector<double> by_rank = mpi::gather(run.world, run.timer.all());
    timing.seconds.resize(by_rank.size());
    for (std::size_t k = 0; k < by_rank.size(); ++k) {
        timing.seconds[k % phase_names.size() * at(timing.ranks) + k / phase_names.size()] = by_rank[k];
    }
    const auto peak = static_cast<double>(peak_memory_bytes());
    timing.peak_memory = mpi::gather(run.world, std::span<const double>(&peak, 1));
    return timing;
}

/// Collective. By rank 0: metadata, the final name, the summary. Throws AgreedError(check_failed) if a check
/// failed.
void finish(Run& run, Computed& computed, CheckReport report) {
    KernelMetadata metadata{run.inputs.network, run.inputs.reduction, run.shape};
    metadata.timing = gather_timing(run, computed);
    metadata.provenance = gather_provenance(run.world, run.options.command_line, run.options.configuration);
    for (auto& checksums : computed.checksums) mpi::bitwise_or(run.world, checksums);
    agree_on_root(run.world, [&] {
        metadata.parameterization = run.inputs.parameterization;
        metadata.samples = std::move(run.inputs.selection.rows);
        metadata.labels = std::move(run.inputs.labels);
        metadata.checksums = std::move(computed.checksums);
        metadata.provenance.inputs = std::move(run.inputs.digests);
        metadata.checks = std::move(report);
        write_metadata(run.paths.partial, metadata);
        const bool all_passed = passed(metadata.checks);
        const std::string name = publish(run.paths, !all_passed);
        if (all_passed && run.options.overwrite)
            std::remove(run.paths.failed.c_str());  // of the run that this one replaces
        std::cout << summary(metadata, name, static_cast<Index>(std::filesystem::file_size(name)))
                  << std::flush;
        if (!all_passed) {
            fail(ExitCode::check_failed,
                 "a check failed ({}): {}: do not use this kernel before the cause is found", name,
                 first_failure(metadata.checks));
        }
    });
}

}  // namespace

int run_kernel(const KernelOptions& options, const mpi::Communicator& world) {
    const auto log = make_log(world.is_root(), options.log_level);
    PhaseTimer timer;
    Run run = prepare(options, world, *log, timer);
    log->info("network\n{}", to_table(run.inputs.network));
    if (run.inputs.selection.integers && !options.samples.scale) {
        log->warn(
            "the samples are integers and are used as they are: --data-scale and --data-shift rescale them");
    }
    log->info("{}", describe_plan(run.shape, run.distribution.grid, world.size(), run.threads));

    Computed computed =
        run.shape.precision == Precision::float32 ? compute<float>(run) : compute<double>(run);
    log->info("tiles in {:.2f} s; checking", timer.seconds(Phase::assemble));
    CheckReport report = check(run, computed);
    finish(run, computed, std::move(report));
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
