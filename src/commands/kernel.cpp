// The main job, from top to bottom in run_kernel(): load, plan, claim the output, open it, compute, check, finish. What each
// step does is in run/: its inputs in inputs.cpp, its plan in memory_plan.cpp, features and tiles in kernel_compute.cpp, its
// checks in kernel_checks.cpp, what goes into the file beside them in kernel_metadata.cpp, what it prints in summary.cpp.

#include "tangram/commands/kernel.hpp"

#include "tangram/checks/check_budget.hpp"
#include "tangram/run/disk_plan.hpp"
#include "tangram/run/kernel_measures.hpp"
#include "tangram/run/kernel_run.hpp"
#include "tangram/run/memory_plan.hpp"
#include "tangram/run/start_up.hpp"
#include "tangram/run/summary.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/fault.hpp"
#include "tangram/support/gemm_rate.hpp"
#include "tangram/support/narrow.hpp"

#include <cstdio>
#include <filesystem>
#include <iostream>

namespace tangram {

namespace {

void require_neighbours(const KernelOptions& options, const Product& product, const Shape& shape) {
    if (!options.top_neighbours) return;
    if (product.space != "samples") {
        fail(ExitCode::usage,
             "--top-neighbours are of samples, and J^T J is the smaller one here: give --space samples");
    }
    const Index most = most_neighbours(shape);
    if (*options.top_neighbours <= most) return;
    fail(ExitCode::usage, "--top-neighbours {}: a row has {} entries beside its own: give no more",
         *options.top_neighbours, most);
}

void require_measures(const KernelOptions& options, const Product& product) {
    if (!measure_level(options) || product.space == "samples") return;
    fail(ExitCode::usage, "measures are of samples, and J^T J is the smaller one here: give --space samples");
}

/// What is held beside the product's own, from the first tile to the end.
std::vector<PlanLine> held_beside(const KernelOptions& options, const Inputs& inputs, const Shape& made,
                                  const std::optional<Measuring>& measuring, int threads) {
    std::vector<PlanLine> beside;
    if (options.top_neighbours)
        beside.push_back({"neighbours", neighbours_bytes(made, *options.top_neighbours)});
    if (!measuring) return beside;
    beside.push_back({"measures", measure_sums_bytes(*measuring)});
    beside.push_back({"measures of tiles under way",
                      measuring_bytes(*measuring, inputs.network, inputs.reduction, threads)});
    return beside;
}

/// Collective. Everything that is settled before anything is computed: throws where the run cannot be.
Run prepare(const RunContext& context, const Inputs& inputs) {
    const KernelOptions& options = context.options;
    const mpi::Communicator& world = context.world;
    const Product& product = choose_product(options, inputs);
    Problem problem = make_problem(options, inputs);
    Shape made;
    agree(world, [&] {
        require_measures(options, product);
        made = product.shape(problem);
        require_neighbours(options, product, made);
        if (inputs.models > 1) made.arrays.clear();  // there is no one network whose outputs they were
        made.mirrors = (made.stored && options.store != "lower") || options.top_neighbours;
    });
    Shape shape = stored_shape(options, made);
    std::optional<Measuring> measuring = choose_measuring(options, inputs, made, check_seed);
    const OutputPaths paths(options.output);
    const Index check_samples =
        options.check_samples ? *options.check_samples : affordable_check_samples(product, problem, made);
    const Index found = options.top_neighbours ? found_neighbours_bytes(shape, *options.top_neighbours) : 0;
    const Index bytes = file_bytes(product, shape, inputs, check_samples) + found +
                        (measuring ? measures_file_bytes(*measuring, inputs, options) : 0);
    agree_on_root(world, [&] {
        if (!options.ranks) require_space(paths, bytes);  // otherwise of a machine that is not this one
    });
    const int threads = threads_for_products(world, options.threads);
    const int ranks = narrow(options.ranks.value_or(world.size()), "--ranks");
    std::optional<Index> memory;
    if (options.memory) memory = static_cast<Index>(*options.memory * static_cast<double>(Index{1} << 30));
    const MemoryPlan plan = plan_memory(world, product,
                                        {problem, made, ranks, threads, check_samples, 0,
                                         held_beside(options, inputs, made, measuring, threads)},
                                        memory);
    return {context,
            inputs,
            product,
            std::move(problem),
            std::move(made),
            std::move(shape),
            std::move(measuring),
            ranks,
            threads,
            check_samples,
            plan,
            bytes,
            paths};
}

/// Collective. Takes the lock on the output, and looks at what is there.
void claim_output(Run& run) {
    constexpr double waiting_seconds = 10;  // the ranks of a job that was killed may live for some seconds
    const KernelOptions& options = run.context.options;
    const OutputRules rules{options.overwrite, options.resume};
    agree_on_root(run.world(), [&] {
        run.lock = FileLock::take(run.paths.lock, lock_holder_line(), rules.resume ? waiting_seconds : 0);
        if (!run.lock.is_held())
            run.context.log.warn("the file system of {} has no locks: nothing keeps a second job off",
                                 run.paths.finished);
        run.identity = kernel_identity(options, run.inputs, run.product, run.shape);
        if (run.measuring)
            run.identity.emplace_back("measures", measures_identity(*run.measuring, *measure_level(options)));
        try {
            run.state = inspect_output(run.paths, run.shape, run.identity, rules, run.context.log);
        } catch (...) {
            run.lock.remove();
            throw;
        }
    });
    const bool is_held = mpi::broadcast(run.world(), Index{run.lock.is_held() ? 1 : 0}) != 0;
    agree(run.world(), [&] {
        if (is_held && !run.world().is_root()) run.lock = FileLock::join(run.paths.lock);
    });
    run.state.beginning =
        static_cast<Beginning>(mpi::broadcast(run.world(), static_cast<Index>(run.state.beginning)));
    run.state.generation = mpi::broadcast(run.world(), run.state.generation);
    run.identity = parse_identity(mpi::broadcast(run.world(), to_json(run.identity))).value_or(Identity{});
}

/// Collective. Lets the next job have the output.
void release_output(const Run& run) {
    mpi::barrier(run.world());  // no rank writes any more
    if (run.world().is_root()) run.lock.remove();
}

/// Collective. The partial file, made or found, with its space reserved and its journals begun.
OpenedOutput open_partial(const Run& run) {
    run.context.progress.begin("open");
    const h5::MpiIoHints hints = parse_hints(run.context.options.hints);
    try {
        OpenedOutput output =
            open_output(run.world(), {run.paths, run.shape, run.identity, run.state, run.threads, hints},
                        run.context.log);
        if (run.world().is_root()) warn_of_one_server(run.paths.partial, run.context.log);
        fault_point("reserve", run.world().rank(), {}, run.paths.partial.c_str());
        return output;
    } catch (const AgreedError&) {
        if (run.world().is_root()) {
            remove_begun(run);
            run.lock.remove();
        }
        throw;
    }
}

/// Says that nothing is left to do, and removes journals of a run that died between giving the output its name and that.
void leave_finished(const Run& run) {
    if (!run.world().is_root()) return;
    if (!std::filesystem::exists(run.paths.partial)) {
        remove_journals(run.paths, run.state.generation);
        remove_sums(run.paths, run.state.generation);
    }
    std::cout << fmt::format("{} is there already: complete, and of this model, these samples and options\n",
                             run.paths.finished)
              << std::flush;
}

/// Collective. What the run would do, for people; nothing has been computed or written.
void print_plan(const Run& run) {
    const double times = static_cast<double>(run.ranks) / run.world().size();  // ranks like these
    const double wide_rate = times * gemm_rate_of_all<double>(run.world(), run.threads, gemm_seconds_of_plan);
    const double rate = run.shape.precision == Precision::float32
                            ? times * gemm_rate_of_all<float>(run.world(), run.threads, gemm_seconds_of_plan)
                            : wide_rate;
    if (run.world().is_root()) std::cout << plan_table(run, rate, wide_rate) << std::flush;
}

/// Collective. By rank 0: metadata, the final name, the summary. Throws AgreedError(check_failed) if a check
/// failed.
void finish(const Run& run, const CheckReport& report, const KernelMetadata& metadata,
            const std::string& measures) {
    agree_on_root(run.world(), [&] {
        write_metadata(run.paths.partial, metadata);
        const bool all_passed = passed(report);
        fault_point("finish", run.world().rank());
        const std::string name = publish(run.paths, !all_passed);
        remove_journals(run.paths, run.state.generation + 1);
        remove_sums(run.paths, run.state.generation + 1);
        run.lock.remove();
        if (all_passed && run.context.options.overwrite)
            std::remove(run.paths.failed.c_str());  // of the run that this one replaces
        std::cout << summary(run, report, metadata.timing, name,
                             static_cast<Index>(std::filesystem::file_size(name)), measures)
                  << std::flush;
        if (!all_passed) {
            fail(ExitCode::check_failed,
                 "a check failed ({}): {}: do not use this kernel before the cause is found", name,
                 first_failure(report));
        }
    });
}

/// Collective. Checks what may be written to, before the inputs are read, then reads them.
Inputs read_inputs(const RunContext& context) {
    const auto timed = context.timer.measure(Phase::read);
    context.progress.begin("read");
    const KernelOptions& options = context.options;
    agree_on_root(context.world, [&] {
        require_writable(OutputPaths(options.output), {options.overwrite, options.resume},
                         input_files(options));
    });
    return load_inputs(options, context.world, [&] {
        if (!context.stop.is_made()) return;
        fail(
            ExitCode::stopped,
            "stopped while the input files were read, before anything was written: give the same command again");
    });
}

int exit_code(ExitCode code) {
    return static_cast<int>(code);
}

}  // namespace

int run_kernel(const KernelOptions& options, const mpi::Communicator& world, StopRequest& stop) {
    const ProgressStyle style = parse_progress_style(options.progress);
    const auto log = make_log(world.is_root(), options.log_level, draws_bar(style) && world.is_root());
    Progress progress(world.is_root(), style);
    PhaseTimer timer;
    if (options.max_seconds) stop.stop_after(*options.max_seconds);
    const RunContext context{options, world, *log, progress, timer, stop};
    const Inputs inputs = read_inputs(context);
    Run run = prepare(context, inputs);
    say_where_it_runs(world, run.threads, *log);
    log->info("{}\n{}", inputs.network.gradients_are_given ? "factors" : "network", inputs.description);
    for (const std::string& note : inputs.notes) log->warn("{}", note);
    if (options.dry_run) {
        progress.finish();
        print_plan(run);
        return exit_code(ExitCode::done);
    }
    claim_output(run);
    if (run.state.beginning == Beginning::finished) {
        progress.finish();
        leave_finished(run);
        release_output(run);
        return exit_code(ExitCode::done);
    }
    log->info("{}", describe_plan(run));

    OpenedOutput output = open_partial(run);
    Computed computed = compute(run, output);
    if (computed.stopped) {
        progress.finish();
        if (run.shape.stored || !computed.neighbours) {
            log->warn("stopped with {} of {} tiles {}: continue with --resume ({})", computed.tiles_kept,
                      run.shape.axes.tiles(), run.shape.stored ? "on disk" : "in the measures",
                      run.paths.partial);
        } else {
            log->warn(
                "stopped: of neighbours no tile is kept with --store none, and --resume makes all of them again ({})",
                run.paths.partial);
        }
        release_output(run);
        return exit_code(ExitCode::stopped);
    }
    log->info("tiles in {:.2f} s; checking", timer.seconds(Phase::assemble));
    const CheckReport report = check_kernel(run, computed);
    progress.finish();
    const KernelMetadata metadata = gather_metadata(run, computed, report);
    finish(run, report, metadata, computed.measures_table);
    return exit_code(ExitCode::done);
}

}  // namespace tangram
