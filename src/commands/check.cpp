#include "tangram/commands/check.hpp"

#include "tangram/checks/product_check.hpp"
#include "tangram/file/kernel_diagonal.hpp"
#include "tangram/run/options.hpp"
#include "tangram/run/recorded_run.hpp"
#include "tangram/run/start_up.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/memory.hpp"
#include "tangram/support/sample_choice.hpp"

#include <algorithm>
#include <iostream>
#include <utility>

namespace tangram {

namespace {

/// Throws unless the explicit Jacobians' matrices fit in memory: the reference of one tensor and of the total, both kernels,
/// (M', M') each, on every rank. A product of parameters is compared tile by tile, whatever the samples.
void require_memory(const KernelFile& kernel, const Problem& problem, Index samples) {
    if (!product_named(kernel.product).keeps_compared) return;
    const auto rows = static_cast<double>(samples * kernel.shape.total().rows_each);
    const double bytes = 8 * 5 * rows * rows +
                         static_cast<double>(gradient_bytes(problem.network, problem.reduction, samples));
    const auto available = available_memory();
    if (!available || bytes <= static_cast<double>(*available)) return;
    fail(ExitCode::no_resources,
         "checking {} samples takes {:.1f} GiB a rank and {:.1f} are left ({}): give fewer --samples",
         samples, bytes / static_cast<double>(Index{1} << 30), gib(*available), kernel.path);
}

std::vector<std::int64_t> samples_to_check(const CheckOptions& options, Index samples) {
    const Index wanted = options.all ? samples : options.samples;
    return choose_samples(samples, wanted, static_cast<std::uint64_t>(options.seed));
}

/// The recorded kernels of test samples with themselves, (M, R' R'); nothing where the file has none.
Matrix<double> recorded_diagonal(const KernelFile& kernel, const std::vector<std::int64_t>& samples) {
    if (kernel.test_samples == 0) return {};
    const Matrix<double> all = read_diagonal(kernel);
    Matrix<double> blocks(static_cast<Index>(samples.size()), all.cols());
    for (std::size_t k = 0; k < samples.size(); ++k)
        std::copy_n(all.view().row(samples[k]), all.cols(), blocks.view().row(static_cast<Index>(k)));
    return blocks;
}

std::string describe(const CheckOptions& options, const KernelFile& kernel, const CheckReport& report) {
    std::string samples = fmt::format("{} of {} samples", report.samples.size(), kernel.samples);
    if (kernel.test_samples > 0)
        samples += fmt::format(" and {} of {} test samples", report.test_samples.size(), kernel.test_samples);
    return fmt::format(
        "file        {}\nchecked     {} against the explicit Jacobian, all {} rows by the probe, seed {}\n\n{}\nchecks      {}\n",
        options.file, samples, kernel.shape.rows(kernel.shape.total()), options.seed, to_table(report),
        passed(report) ? "passed" : "FAILED");
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
    app.add_option("--test", options.test, "where the test samples are now")->type_name("FILE[:DATASET]");
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
    const RecordedRun run = load_recorded_run(world, kernel, {options.model, options.data, options.test});
    const Problem problem = make_problem(run.options, run.inputs);
    const int threads = threads_for_products(world, options.threads);

    CheckReport report;
    report.run = true;
    report.seed = static_cast<std::uint64_t>(options.seed);
    report.tolerance_is_given = options.tolerance.has_value();
    report.tolerance = options.tolerance.value_or(default_tolerance(kernel.shape.precision));
    report.samples = samples_to_check(options, kernel.samples);
    if (run.inputs.test) report.test_samples = samples_to_check(options, kernel.test_samples);
    const std::size_t most = std::max(report.samples.size(), report.test_samples.size());
    agree(world, [&] { require_memory(kernel, problem, static_cast<Index>(most)); });
    CheckInputs inputs;
    inputs.read = [&](SetOfSamples set, const std::vector<std::int64_t>& samples) {
        return read_few_samples(world, run.inputs.set(set), samples);
    };
    inputs.diagonal = [&](const std::vector<std::int64_t>& samples) {
        Matrix<double> diagonal;
        agree(world, [&] { diagonal = recorded_diagonal(kernel, samples); });
        return diagonal;
    };
    check_product({world, product_named(kernel.product), problem, run.shape, options.file, {threads, true}},
                  inputs, report);
    agree_on_root(world, [&] {
        std::cout << describe(options, kernel, report) << std::flush;
        if (!passed(report)) {
            fail(ExitCode::check_failed,
                 "a check failed ({}): {}: do not use this kernel before the cause is found", options.file,
                 first_failure(report));
        }
    });
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
