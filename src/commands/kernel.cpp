// The main job, from top to bottom in run_kernel(): load, plan, compute, write, check, finish. Its options are
// in kernel_options.cpp, its inputs in inputs.cpp, its memory in memory_plan.cpp, its checks in
// kernel_checks.cpp, what it prints in summary.cpp.

#include "tangram/commands/kernel.hpp"

#include "kernel_run.hpp"
#include "tangram/commands/job_progress.hpp"
#include "tangram/commands/summary.hpp"
#include "tangram/kernel/gemm_probe.hpp"
#include "tangram/kernel/shard_features.hpp"
#include "tangram/kernel/tile_loop.hpp"
#include "tangram/output/metadata.hpp"
#include "tangram/output/tile_writer.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/cores.hpp"
#include "tangram/support/memory.hpp"

#include <cstdio>
#include <filesystem>
#include <iostream>

namespace tangram {

namespace {

/// How long a dry run multiplies matrices, in each precision.
constexpr double probe_seconds = 0.5;

ConjugateKernels choose_conjugate_kernels(const KernelOptions& options) {
    const std::string fallback = options.components == "none" ? "none" : "last";
    const std::string wanted = options.conjugate_kernels.value_or(fallback);
    return wanted == "all"    ? ConjugateKernels::all
           : wanted == "last" ? ConjugateKernels::last
                              : ConjugateKernels::none;
}

KernelShape choose_shape(const KernelOptions& options, const Inputs& inputs) {
    return make_kernel_shape(inputs.selection.count(), options.tile, inputs.network, inputs.reduction,
                             parse_precision(options.precision),
                             kernel_matrices(inputs.network, inputs.reduction, options.components == "all",
                                             choose_conjugate_kernels(options)));
}

/// Collective. Everything that is settled before anything is computed: throws where the run cannot be.
Run prepare(const KernelOptions& options, const mpi::Communicator& world, Log& log, Progress& progress,
            PhaseTimer& timer) {
    const auto timed = timer.measure(Phase::read);
    progress.begin("read");
    const OutputPaths paths(options.output);
    agree_on_root(world, [&] { require_writable(paths, options.overwrite, input_files(options)); });
    Inputs inputs = load_inputs(options, world);
    KernelShape shape;
    agree(world, [&] { shape = choose_shape(options, inputs); });
    Distribution distribution = distribute(shape.panels, world.size(), world.rank());
    const int threads = options.threads ? static_cast<int>(*options.threads) : default_threads(world);
    agree_on_root(world, [&] { require_space(paths, shape.matrix_bytes()); });
    std::optional<Index> memory;
    if (options.memory) memory = static_cast<Index>(*options.memory * (1 << 30));
    const MemoryPlan plan = plan_memory(
        world, {inputs.network, inputs.reduction, shape, distribution, threads, options.check_samples},
        memory);
    return {options,
            world,
            log,
            progress,
            timer,
            paths,
            std::move(inputs),
            std::move(shape),
            std::move(distribution),
            threads,
            plan};
}

/// Collective. What the run would do, for people; nothing has been computed or written.
void print_plan(const Run& run) {
    const double wide_rate = gemm_rate_of_all<double>(run.world, run.threads, probe_seconds);
    const double rate = run.shape.precision == Precision::float32
                            ? gemm_rate_of_all<float>(run.world, run.threads, probe_seconds)
                            : wide_rate;
    if (!run.world.is_root()) return;
    std::cout << plan_table({run.inputs.network, run.inputs.reduction, run.shape, run.distribution,
                             run.threads, run.options.check_samples},
                            run.memory, run.world.size(), run.paths, rate, wide_rate)
              << std::flush;
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
        naming_inputs(run.options, inputs.selection, [&] {
            compute_shard_features(inputs.network, inputs.reduction, run.distribution.shard,
                                   std::as_const(X).view(), run.threads, store, computed.outputs.view());
        });
    });
}

/// Collective. All tiles of this rank, into the partial file.
template <class T>
void compute_tiles(const Run& run, PanelStore<T>& store, TileWriter& writer, Computed& computed) {
    const Inputs& inputs = run.inputs;
    const auto N = static_cast<double>(run.shape.panels.samples);
    const Index panels = run.shape.panels.count();
    const double per_entry = 2 * tile_operations(inputs.network, inputs.reduction, 1);
    run.progress.begin(phase_names[static_cast<std::size_t>(Phase::assemble)], panels * (panels + 1) / 2,
                       per_entry * N * (N + 1) / 2);
    JobProgress job_progress(run.world, run.progress, per_entry);
    const auto last = static_cast<Index>(run.shape.matrices.size()) - 1;
    const TileLoopReport loop = run_tile_loop<T>(
        run.world, run.distribution, inputs.network, inputs.reduction, run.shape.matrices, store, run.threads,
        [&](const FinishedPlane<T>& plane) {
            writer.write(plane);
            const bool completes_tile = plane.matrix == last && plane.block.row >= plane.block.column;
            if (completes_tile) job_progress.count(run.shape.panels, plane.block);
        },
        [&] { job_progress.exchange_counts(); });
    {
        const auto timed = run.timer.measure(Phase::assemble);
        job_progress.finish();  // rank 0 waits for the others
    }
    run.timer.add(Phase::exchange, loop.exchange_seconds);
    run.timer.add(Phase::assemble, loop.assemble_seconds);
    computed.bytes_received = loop.bytes_received;
}

/// Collective. Features, exchange, tiles: all big arrays, into the partial file.
template <class T>
Computed compute(const Run& run) {
    const Inputs& inputs = run.inputs;
    const std::string& partial = run.paths.partial;
    Computed computed;
    create_kernel_file(run.world, partial, run.shape, run.log);
    PanelStore<T> store(run.shape.panels, run.distribution.grid, run.world.rank(), inputs.network,
                        inputs.reduction, run.memory.residency);
    run.progress.begin("features");
    compute_shard(run, store, computed);
    run.log.info("features of {} samples in {:.2f} s", run.shape.panels.samples,
                 run.timer.seconds(Phase::features));
    TileWriter writer(partial, run.shape);
    compute_tiles(run, store, writer, computed);
    run.progress.begin("write");
    const auto timed = run.timer.measure(Phase::write);
    agree(run.world, [&] {
        writer.write_outputs(run.distribution.shard_samples.begin, std::as_const(computed.outputs).view());
        writer.sync();
    });
    computed.checksums = std::move(writer.checksums());
    computed.bytes_written = writer.bytes_written();
    return computed;
}

/// Collective. The same; a run that ends in order, or whose input makes no finite kernel, leaves no partial file
/// behind, whereas after a fault of the disk there is something to look at.
template <class T>
Computed compute_or_remove(const Run& run) {
    try {
        return compute<T>(run);
    } catch (const AgreedError&) {
        if (run.world.is_root()) std::remove(run.paths.partial.c_str());
        throw;
    } catch (const Error& error) {
        if (error.code() == ExitCode::bad_input) std::remove(run.paths.partial.c_str());
        throw;
    }
}

/// Collective. What all ranks together took; whole on rank 0.
Timing gather_timing(const Run& run, const Computed& computed) {
    Timing timing;
    timing.ranks = run.world.size();
    timing.threads = run.threads;
    timing.flops = tile_operations(run.inputs.network, run.inputs.reduction, run.shape.panels.samples);
    timing.bytes_received = mpi::sum(run.world, computed.bytes_received);
    timing.bytes_written = mpi::sum(run.world, computed.bytes_written);
    timing.planned_memory = run.memory.peak();
    const std::vector<double> by_rank = mpi::gather(run.world, run.timer.all());
    timing.seconds.resize(by_rank.size());
    for (std::size_t k = 0; k < by_rank.size(); ++k) {
        timing.seconds[k % phase_names.size() * at(timing.ranks) + k / phase_names.size()] = by_rank[k];
    }
    const auto peak = static_cast<double>(peak_memory());
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
    const ProgressStyle style = parse_progress_style(options.progress);
    const auto log = make_log(world.is_root(), options.log_level, draws_bar(style) && world.is_root());
    Progress progress(world.is_root(), style);
    PhaseTimer timer;
    Run run = prepare(options, world, *log, progress, timer);
    log->info("network\n{}", to_table(run.inputs.network));
    if (run.inputs.selection.integers && !options.samples.scale) {
        log->warn(
            "the samples are integers and are used as they are: --data-scale and --data-shift rescale them");
    }
    if (options.dry_run) {
        progress.finish();
        print_plan(run);
        return static_cast<int>(ExitCode::done);
    }
    log->info("{}", describe_plan(run.shape, run.distribution.grid, world.size(), run.threads));

    Computed computed = run.shape.precision == Precision::float32 ? compute_or_remove<float>(run)
                                                                  : compute_or_remove<double>(run);
    log->info("tiles in {:.2f} s; checking", timer.seconds(Phase::assemble));
    CheckReport report = check_kernel(run, computed);
    progress.finish();
    finish(run, computed, std::move(report));
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
