// The main job: parse (kernel_options.cpp), plan, load, compute, write, check, finish.

#include "tangram/commands/kernel.hpp"

#include "tangram/commands/inputs.hpp"
#include "tangram/commands/summary.hpp"
#include "tangram/kernel/assembly.hpp"
#include "tangram/kernel/shard_features.hpp"
#include "tangram/output/finish.hpp"
#include "tangram/output/jacobian_check.hpp"
#include "tangram/output/outputs_check.hpp"
#include "tangram/output/probe_check.hpp"
#include "tangram/output/tile_writer.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/cores.hpp"

#include <cstdio>
#include <iostream>

namespace tangram {

namespace {

constexpr std::uint64_t check_seed = 20201123;

/// Everything that is settled before anything is computed.
struct Plan {
    KernelShape shape;
    Grid grid;
    PanelRange shard;          ///< this rank's panels
    PanelRange shard_samples;  ///< and samples
    std::vector<Tile> tiles;   ///< this rank's
    int threads = 1;
};

/// What the compute phases leave behind.
struct Computed {
    Matrix<double> outputs;  ///< (samples of the shard, C)
    std::vector<std::vector<std::uint64_t>> checksums;
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

/// Collective.
Plan make_plan(const KernelOptions& options, const Inputs& inputs, const mpi::Communicator& world) {
    const Index samples = inputs.selection.count();
    Plan plan;
    plan.shape.panels = {
        samples, options.tile.value_or(default_panel_size(samples, inputs.reduction.rows_per_sample()))};
    plan.shape.outputs = inputs.network.outputs();
    plan.shape.precision = parse_precision(options.precision);
    plan.shape.matrices = kernel_matrices(inputs.network, inputs.reduction, options.components == "all",
                                          choose_conjugate_kernels(options));
    plan.grid = make_grid(world.size());
    plan.shard = shard_panels(plan.shape.panels, plan.grid, world.rank());
    plan.shard_samples = shard_samples(plan.shape.panels, plan.grid, world.rank());
    plan.tiles = tiles_of(assign_tiles(plan.shape.panels, plan.grid), world.rank());
    plan.threads = options.threads ? static_cast<int>(*options.threads) : default_threads(world);
    return plan;
}

/// Collective. Reads the shard and computes its features into the store; returns the network's outputs.
template <class T>
Matrix<double> compute_features_of_shard(const KernelOptions& options, const Inputs& inputs, const Plan& plan,
                                         const mpi::Communicator& world, PanelStore<T>& store,
                                         PhaseTimer& timer) {
    Matrix<double> X;
    Matrix<double> outputs(plan.shard_samples.size(), inputs.network.outputs());
    agree(world, [&] {
        const auto timed = timer.measure(Phase::read);
        X = Matrix<double>(plan.shard_samples.size(), inputs.network.inputs());
        if (X.rows() > 0) read_samples(options.samples, inputs.selection, plan.shard_samples.begin, X.view());
    });
    agree(world, [&] {
        const auto timed = timer.measure(Phase::features);
        compute_shard_features(inputs.network, inputs.reduction, plan.shard, std::as_const(X).view(),
                               plan.threads, store, outputs.view());
    });
    return outputs;
}

/// Collective. Features, exchange, tiles, all of it into the partial file.
template <class T>
Computed compute(const KernelOptions& options, const Inputs& inputs, const Plan& plan,
                 const OutputPaths& paths, const mpi::Communicator& world, PhaseTimer& timer, Log& log) {
    Computed computed;
    PanelStore<T> store(
        plan.shape.panels, plan.grid, world.rank(),
        lay_out_panel(inputs.network, inputs.reduction, plan.shape.panels.panel_size, sizeof(T)));
    computed.outputs = compute_features_of_shard(options, inputs, plan, world, store, timer);
    log.info("features of {} samples in {:.2f} s", plan.shape.panels.samples, timer.seconds(Phase::features));
    {
        const auto timed = timer.measure(Phase::exchange);
        computed.bytes_received = exchange(world, plan.grid, store);
    }
    create_kernel_file(world, paths.partial, plan.shape, log);
    TileWriter writer(world, paths.partial, plan.shape);
    try {
        const auto timed = timer.measure(Phase::assemble);
        assemble<T>(inputs.network, inputs.reduction, plan.shape.matrices, store, plan.tiles, {plan.threads},
                    [&](const FinishedPlane<T>& plane) { writer.write(plane); });
    } catch (const Error& error) {
        // Input that makes no finite kernel leaves no file behind; after a fault of the disk there is
        // something to look at.
        if (error.code() == ExitCode::bad_input) std::remove(paths.partial.c_str());
        throw;
    }
    const auto timed = timer.measure(Phase::write);
    writer.write_outputs(plan.shard_samples.begin, std::as_const(computed.outputs).view());
    writer.close();
    computed.checksums = std::move(writer.checksums());
    computed.bytes_written = writer.bytes_written();
    return computed;
}

/// Collective. The checks of the partial file, on every rank; the report is whole on rank 0.
CheckReport check(const KernelOptions& options, const Inputs& inputs, const Plan& plan,
                  const Computed& computed, const OutputPaths& paths, const mpi::Communicator& world,
                  PhaseTimer& timer) {
    const auto timed = timer.measure(Phase::check);
    CheckReport report;
    report.run = options.check_samples > 0;
    report.seed = check_seed;
    report.tolerance =
        options.check_tolerance.value_or(plan.shape.precision == Precision::float32 ? 1e-5 : 1e-10);
    check_outputs(world, options.expected_outputs, inputs.selection, inputs.labels, plan.shard_samples.begin,
                  computed.outputs.view(), report);
    if (!report.run) return report;

    report.samples = spread_check_samples(plan.shape.panels.samples, options.check_samples);
    Matrix<double> X(static_cast<Index>(report.samples.size()), inputs.network.inputs());
    for (Index k = 0; k < X.rows(); ++k) {
        const Index sample = report.samples[static_cast<std::size_t>(k)];
        if (sample < plan.shard_samples.begin || sample >= plan.shard_samples.end) continue;
        read_samples(options.samples, inputs.selection, sample, X.view().row_block(k, 1));
    }
    mpi::sum(world,
             {X.data(), static_cast<std::size_t>(X.size())});  // each row is on one rank, zero on the others
    check_against_jacobian(world, paths.partial, plan.shape, inputs.network, inputs.reduction, X.view(),
                           report);
    check_all_entries(
        world, paths.partial, plan.shape, inputs.network, inputs.reduction,
        [&](Index first, MatrixView<double> out) {
            read_samples(options.samples, inputs.selection, first, out);
        },
        report);
    return report;
}

/// Collective. What all ranks together took; whole on rank 0.
Timing gather_timing(const Inputs& inputs, const Plan& plan, const Computed& computed,
                     const mpi::Communicator& world, const PhaseTimer& timer) {
    Timing timing;
    timing.ranks = world.size();
    timing.threads = plan.threads;
    timing.flops = tile_operations(inputs.network, inputs.reduction, plan.shape.panels.samples);
    timing.bytes_received = mpi::sum(world, computed.bytes_received);
    timing.bytes_written = mpi::sum(world, computed.bytes_written);
    const std::vector<double> by_rank = mpi::gather(world, timer.all());
    const auto ranks = static_cast<std::size_t>(world.size());
    timing.seconds.resize(by_rank.size());
    for (std::size_t k = 0; k < by_rank.size(); ++k) {
        timing.seconds[k % phase_names.size() * ranks + k / phase_names.size()] = by_rank[k];
    }
    const auto peak = static_cast<double>(peak_memory_bytes());
    timing.peak_memory = mpi::gather(world, std::span<const double>(&peak, 1));
    return timing;
}

/// Collective. Strings, attributes, the final name and the summary, by rank 0. Returns whether the checks
/// passed.
bool finish(const KernelOptions& options, Inputs& inputs, const Plan& plan, Computed& computed,
            CheckReport report, const OutputPaths& paths, const mpi::Communicator& world,
            const PhaseTimer& timer) {
    Description d{inputs.network, inputs.reduction, plan.shape};
    d.timing = gather_timing(inputs, plan, computed, world, timer);
    d.provenance = gather_provenance(world, options.command_line, options.configuration);
    for (auto& checksums : computed.checksums) mpi::bitwise_or(world, checksums);
    const bool all_passed = passed(report);
    agree_on_root(world, [&] {
        d.parameterization = inputs.parameterization;
        d.samples = std::move(inputs.selection.rows);
        if (inputs.labels) {
            d.labels = std::move(inputs.labels->values);
            d.integer_labels = inputs.labels->integers;
        }
        d.checksums = std::move(computed.checksums);
        d.provenance.inputs = std::move(inputs.digests);
        d.checks = std::move(report);
        write_description(paths.partial, d);
        const std::string name = publish(paths, !all_passed);
        std::cout << summary(d, name) << std::flush;
        if (!all_passed) {
            fail(ExitCode::check_failed,
                 "a check failed ({}): {}: do not use this kernel before the cause is found", name,
                 first_failure(d.checks));
        }
    });
    return all_passed;
}

}  // namespace

int run_kernel(const KernelOptions& options, const mpi::Communicator& world) {
    const auto log = make_log(world.is_root(), options.log_level);
    PhaseTimer timer;
    const OutputPaths paths(options.output);
    agree_on_root(world, [&] { require_writable(paths, options.overwrite, input_files(options)); });

    Inputs inputs = [&] {
        const auto timed = timer.measure(Phase::read);
        return load_inputs(options, world);
    }();
    log->info("network\n{}", to_table(inputs.network));
    if (inputs.selection.integers && !options.samples.scale) {
        log->warn(
            "the samples are integers and are used as they are: --data-scale and --data-shift rescale them");
    }
    const Plan plan = make_plan(options, inputs, world);
    log->info("{}", describe_plan(plan.shape, plan.grid, world.size(), plan.threads));

    Computed computed = plan.shape.precision == Precision::float32
                            ? compute<float>(options, inputs, plan, paths, world, timer, *log)
                            : compute<double>(options, inputs, plan, paths, world, timer, *log);
    log->info("{} tiles in {:.2f} s; checking",
              plan.shape.panels.count() * (plan.shape.panels.count() + 1) / 2,
              timer.seconds(Phase::assemble));
    CheckReport report = check(options, inputs, plan, computed, paths, world, timer);
    finish(options, inputs, plan, computed, std::move(report), paths, world, timer);
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
