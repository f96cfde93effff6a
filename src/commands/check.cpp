#include "tangram/commands/check.hpp"

#include "tangram/commands/options.hpp"
#include "tangram/commands/recorded_run.hpp"
#include "tangram/kernel/parameter_gram.hpp"
#include "tangram/output/entry_check.hpp"
#include "tangram/output/jacobian_check.hpp"
#include "tangram/output/kernel_entries.hpp"
#include "tangram/output/parameter_gram_check.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/cores.hpp"
#include "tangram/support/memory.hpp"

#include <iostream>

namespace tangram {

namespace {

/// Throws unless the explicit Jacobians' matrices fit in memory: the reference of one tensor and of the total, both kernels,
/// (M', M') each, on every rank.
void require_memory(const KernelFile& kernel, const Network& network, Index samples) {
    if (kernel.shape.space() == Space::parameters) return;  // tiles, whatever the samples
    const auto rows = static_cast<double>(samples * kernel.shape.matrices.back().rows_per_sample);
    double sensitivities = 0;
    for (const Layer& layer : network.layers)
        sensitivities += static_cast<double>(layer.fan_in() + layer.fan_out() * (1 + network.outputs()));
    const double bytes = 8 * (5 * rows * rows + static_cast<double>(samples) * sensitivities);
    const auto available = available_memory();
    if (!available || bytes <= static_cast<double>(*available)) return;
    fail(ExitCode::no_resources,
         "checking {} samples takes {:.1f} GiB a rank and {:.1f} are left ({}): give fewer --samples",
         samples, bytes / (1 << 30), static_cast<double>(*available) / (1 << 30), kernel.path);
}

std::vector<std::int64_t> samples_to_check(const CheckOptions& options, Index samples) {
    const Index wanted = options.all ? samples : options.samples;
    return choose_samples(samples, wanted, static_cast<std::uint64_t>(options.seed));
}

}  // namespace

void add_check_options(CLI::App& app, CheckOptions& options) {
    app.add_option("file", options.file, "the kernel file")->required()->type_name("OUT.h5");
    CLI::Option* samples = app.add_option("--samples", options.samples,
                                          "how many are checked against the explicit Jacobian (64)");
    app.add_flag("--all", options.all, "all samples")->excludes(samples);
    app.add_option("--seed", options.seed, "other samples and another probe (2; the run itself had 1)");
    app.add_option("--tolerance", options.tolerance, "largest error (that of the run)");
    app.add_option("--threads", options.threads, "threads a rank (its share of the cores)");
    app.add_option("--model", options.model, "where the model file is now")->type_name("FILE[:GROUP]");
    app.add_option("--data", options.data, "where the samples are now")->type_name("FILE[:DATASET]");
    add_config_option(app);
}

void validate(const CheckOptions& options) {
    if (options.file.empty()) fail(ExitCode::usage, "the name of the kernel file is empty: name a file");
    require_between("--samples", options.samples, 1, std::int64_t{1} << 40);
    require_between("--seed", options.seed, 0, std::int64_t{1} << 62);
    if (options.threads) require_between("--threads", *options.threads, 1, 4096);
    if (!options.tolerance) return;
    require_finite(*options.tolerance, "--tolerance");
    if (*options.tolerance <= 0)
        fail(ExitCode::usage, "--tolerance is {}: give a positive number", *options.tolerance);
}

int run_check(const CheckOptions& options, const mpi::Communicator& world) {
    agree_on_root(world, [&] { read_kernel_file(options.file, FailedChecks::accept); });
    KernelFile kernel;
    agree(world, [&] { kernel = read_kernel_file(options.file, FailedChecks::accept); });
    const RecordedRun run = load_recorded_run(world, kernel, {options.model, options.data});
    const Network& network = run.inputs.network;
    const int threads = options.threads ? static_cast<int>(*options.threads) : default_threads(world);

    CheckReport report;
    report.run = true;
    report.seed = static_cast<std::uint64_t>(options.seed);
    report.tolerance_is_given = options.tolerance.has_value();
    report.tolerance = options.tolerance.value_or(default_tolerance(kernel.shape.precision));
    report.samples = samples_to_check(options, kernel.shape.samples);
    agree(world, [&] { require_memory(kernel, network, static_cast<Index>(report.samples.size())); });
    const Matrix<double> X =
        read_few_samples(world, run.options.samples, run.inputs.selection, report.samples);
    const ReadSamples read = [&](Index first, MatrixView<double> out) {
        read_samples(run.options.samples, run.inputs.selection, first, out);
    };
    const Reduction& reduction = run.inputs.reduction;
    if (kernel.shape.space() == Space::parameters) {
        const Distribution distribution = distribute_parameters(
            kernel.shape.panels, sample_batches(kernel.shape.samples, reduction), world.size(), world.rank());
        check_parameter_gram(world, options.file, kernel.shape, distribution, network, reduction, X.view(),
                             read, threads, report);
    } else {
        const Distribution distribution = distribute(kernel.shape.panels, world.size(), world.rank());
        check_against_jacobian(world, options.file, kernel.shape, network, reduction, X.view(), report);
        check_all_entries(world, options.file, kernel.shape, distribution, network, reduction, read,
                          {threads, true}, report);
    }
    agree_on_root(world, [&] {
        std::cout << fmt::format(
                         "file        {}\nchecked     {} of {} samples against the explicit Jacobian, all {} "
                         "rows by the "
                         "probe, seed {}\n\n{}\nchecks      {}\n",
                         options.file, report.samples.size(), kernel.shape.samples,
                         kernel.shape.rows(kernel.shape.matrices.back()), options.seed, to_table(report),
                         passed(report) ? "passed" : "FAILED")
                  << std::flush;
        if (!passed(report)) {
            fail(ExitCode::check_failed,
                 "a check failed ({}): {}: do not use this kernel before the cause is found", options.file,
                 first_failure(report));
        }
    });
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
