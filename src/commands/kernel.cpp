// The main job, from top to bottom in run_kernel(): load, plan, claim the output, compute, write, check, finish. Its
// options are in kernel_options.cpp, its inputs in inputs.cpp, its memory in memory_plan.cpp, features and tiles in
// kernel_compute.cpp, its checks in kernel_checks.cpp, what it prints in summary.cpp.

#include "tangram/commands/kernel.hpp"

#include "kernel_run.hpp"
#include "tangram/commands/start_up.hpp"
#include "tangram/commands/summary.hpp"
#include "tangram/kernel/gemm_probe.hpp"
#include "tangram/output/metadata.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/cores.hpp"
#include "tangram/support/fault.hpp"
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

/// As --space says. Throws Error(usage) where full comes out as J^T J.
Space choose_space(const KernelOptions& options, const Inputs& inputs) {
    if (options.space == "samples") return Space::samples;
    const Index rows = inputs.selection.count() * inputs.reduction.sensitivities();
    if (options.space == "minima" && rows < inputs.network.parameters()) return Space::samples;
    if (inputs.reduction.is_full()) {
        fail(ExitCode::usage,
             "--reduction full has no meaning for J^T J, which is the smaller one here ({} parameters, {} "
             "rows of "
             "J): give --space samples, or trace",
             inputs.network.parameters(), rows);
    }
    return Space::parameters;
}

KernelShape choose_shape(const KernelOptions& options, const Inputs& inputs) {
    if (choose_space(options, inputs) == Space::parameters) {
        return make_parameter_gram_shape(inputs.selection.count(), options.tile, inputs.network,
                                         parse_precision(options.precision));
    }
    return make_kernel_shape(inputs.selection.count(), options.tile, inputs.network, inputs.reduction,
                             parse_precision(options.precision),
                             kernel_matrices(inputs.network, inputs.reduction, options.components == "all",
                                             choose_conjugate_kernels(options)));
}

/// Collective. Everything that is settled before anything is computed: throws where the run cannot be.
Run prepare(const KernelOptions& options, const mpi::Communicator& world, Log& log, Progress& progress,
            PhaseTimer& timer, const StopRequest& stop) {
    const auto timed = timer.measure(Phase::read);
    progress.begin("read");
    const OutputPaths paths(options.output);
    agree_on_root(world, [&] {
        require_writable(paths, {options.overwrite, options.resume}, input_files(options));
    });
    Inputs inputs = load_inputs(options, world);
    KernelShape shape;
    agree(world, [&] { shape = choose_shape(options, inputs); });
    const bool of_parameters = shape.space() == Space::parameters;
    Distribution distribution =
        of_parameters ? distribute_parameters(shape.panels, sample_batches(shape.samples, inputs.reduction),
                                              world.size(), world.rank())
                      : distribute(shape.panels, world.size(), world.rank());
    const int threads = options.threads ? static_cast<int>(*options.threads) : default_threads(world);
    agree_on_root(world, [&] { require_space(paths, shape.matrix_bytes()); });
    std::optional<Index> memory;
    if (options.memory) memory = static_cast<Index>(*options.memory * (1 << 30));
    const PlannedRun planned{inputs.network, inputs.reduction, shape,
                             distribution,   threads,          options.check_samples};
    const MemoryPlan plan =
        of_parameters ? plan_gram_memory(world, planned, memory) : plan_memory(world, planned, memory);
    return {options,
            world,
            log,
            progress,
            timer,
            stop,
            paths,
            std::move(inputs),
            std::move(shape),
            std::move(distribution),
            threads,
            plan};
}

/// Collective. Takes the lock on the output, and looks at what is there.
void claim_output(Run& run) {
    constexpr double waiting_seconds = 10;  // the ranks of a job that was killed may live for some seconds
    const OutputRules rules{run.options.overwrite, run.options.resume};
    agree_on_root(run.world, [&] {
        run.lock = FileLock::take(run.paths.lock, lock_holder_line(), rules.resume ? waiting_seconds : 0);
        if (!run.lock.is_held())
            run.log.warn("the file system of {} has no locks: nothing keeps a second job off",
                         run.paths.finished);
        run.identity = kernel_identity(run.options, run.inputs, run.shape);
        try {
            run.state = inspect_output(run.paths, run.shape, run.identity, rules, run.log);
        } catch (...) {
            run.lock.remove();
            throw;
        }
    });
    const bool is_held = mpi::broadcast(run.world, Index{run.lock.is_held() ? 1 : 0}) != 0;
    agree(run.world, [&] {
        if (is_held && !run.world.is_root()) run.lock = FileLock::join(run.paths.lock);
    });
    run.state.beginning =
        static_cast<Beginning>(mpi::broadcast(run.world, static_cast<Index>(run.state.beginning)));
    run.state.generation = mpi::broadcast(run.world, run.state.generation);
    run.identity = parse_identity(mpi::broadcast(run.world, to_json(run.identity))).value_or(Identity{});
}

/// Collective. Lets the next job have the output.
void release_output(const Run& run) {
    mpi::barrier(run.world);  // no rank writes any more
    if (run.world.is_root()) run.lock.remove();
}

/// Nothing is left to do.
void say_finished(const Run& run) {
    if (!run.world.is_root()) return;
    if (!std::filesystem::exists(run.paths.partial)) remove_journals(run.paths, run.state.generation);
    std::cout << fmt::format("{} is there already: complete, and of this model, these samples and options\n",
                             run.paths.finished)
              << std::flush;
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

/// Collective. What all ranks together took; whole on rank 0.
Timing gather_timing(const Run& run, const Computed& computed) {
    Timing timing;
    timing.ranks = run.world.size();
    timing.threads = run.threads;
    timing.flops = operations_of(run.inputs.network, run.inputs.reduction, run.shape);
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
    metadata.provenance.identity = to_json(run.identity);
    for (auto& checksums : computed.checksums) mpi::bitwise_or(run.world, checksums);
    agree_on_root(run.world, [&] {
        metadata.parameterization = run.inputs.parameterization;
        metadata.samples = std::move(run.inputs.selection.rows);
        metadata.labels = std::move(run.inputs.labels);
        metadata.checksums = std::move(computed.checksums);
        metadata.provenance.inputs = std::move(run.inputs.digests);
        auto& linked = run.inputs.linked_digests;
        metadata.provenance.inputs.insert(metadata.provenance.inputs.end(), linked.begin(), linked.end());
        metadata.checks = std::move(report);
        write_metadata(run.paths.partial, metadata);
        const bool all_passed = passed(metadata.checks);
        fault_point("finish", run.world.rank());
        const std::string name = publish(run.paths, !all_passed);
        remove_journals(run.paths, run.state.generation + 1);
        run.lock.remove();
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

int run_kernel(const KernelOptions& options, const mpi::Communicator& world, StopRequest& stop) {
    const ProgressStyle style = parse_progress_style(options.progress);
    const auto log = make_log(world.is_root(), options.log_level, draws_bar(style) && world.is_root());
    Progress progress(world.is_root(), style);
    PhaseTimer timer;
    if (options.max_seconds) stop.stop_after(*options.max_seconds);
    Run run = prepare(options, world, *log, progress, timer, stop);
    say_where_it_runs(world, run.threads, *log);
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
    claim_output(run);
    if (run.state.beginning == Beginning::finished) {
        progress.finish();
        say_finished(run);
        release_output(run);
        return static_cast<int>(ExitCode::done);
    }
    log->info("{}", describe_plan(run.shape, run.distribution.grid, world.size(), run.threads));

    Computed computed = compute(run);
    if (computed.stopped) {
        const Index panels = run.shape.panels.count();
        progress.finish();
        log->warn("stopped with {} of {} tiles on disk: continue with --resume ({})", computed.tiles_on_disk,
                  panels * (panels + 1) / 2, run.paths.partial);
        release_output(run);
        return static_cast<int>(ExitCode::stopped);
    }
    log->info("tiles in {:.2f} s; checking", timer.seconds(Phase::assemble));
    CheckReport report = check_kernel(run, computed);
    progress.finish();
    finish(run, computed, std::move(report));
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
