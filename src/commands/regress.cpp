#include "tangram/commands/regress.hpp"

#include "regress_run.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/regression/choices.hpp"
#include "tangram/regression/cholesky_regression.hpp"
#include "tangram/regression/eigen_regression.hpp"
#include "tangram/regression/plan.hpp"
#include "tangram/regression/regression_file.hpp"
#include "tangram/regression/stored_modes.hpp"
#include "tangram/run/memory_plan.hpp"
#include "tangram/run/start_up.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/file_lock.hpp"
#include "tangram/support/gemm_rate.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/memory.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>

namespace tangram {

namespace {

/// What is computed: ridges, times, and how.
void choose_work(RegressRun& run) {
    const RegressOptions& options = run.options;
    RegressionResult& result = run.inputs.result;
    const bool wants_flow = !options.times.empty() || !options.steps.empty();
    run.is_automatic =
        options.ridges == std::vector<std::string>{"auto"} || (options.ridges.empty() && !wants_flow);
    if (!run.is_automatic) run.ridges = parse_ridges(options.ridges, result.mean_diagonal);
    if (wants_flow) {
        const double factor = time_factor(options.loss, run.problem().targets.size());
        run.times = parse_times(options.steps.empty() ? options.times : options.steps, "--times");
        const bool is_converted = !options.steps.empty() || options.loss != "sum";
        if (is_converted) result.given_times = run.times;
        result.time_unit = options.steps.empty() ? "t of " + options.loss : "steps";
        for (double& time : run.times) time *= factor * options.learning_rate.value_or(1);
    }
    const bool one_will_do = run.ridges.size() == 1 && run.ridges.front() > 0 && !wants_flow &&
                             options.eigen.empty() && options.solver != "eigen";
    if (options.solver == "cholesky" && !one_will_do)
        fail(ExitCode::usage, "--solver cholesky goes with one --ridge above 0");
    run.method = one_will_do             ? RegressionMethod::cholesky
                 : options.eigen.empty() ? RegressionMethod::eigen
                                         : RegressionMethod::eigen_of_file;
}

RegressionSizes sizes_of(const RegressRun& run) {
    constexpr Index automatic = 41;
    const RegressionProblem& problem = run.problem();
    RegressionSizes sizes;
    sizes.samples = problem.samples();
    sizes.columns = problem.columns();
    sizes.unit = problem.unit;
    sizes.fits = (run.is_automatic ? automatic : static_cast<Index>(run.ridges.size())) +
                 static_cast<Index>(run.times.size());
    sizes.wants_scores = run.scores() == Scores::all;
    if (!run.inputs.cross) return sizes;
    sizes.test_samples = run.inputs.cross->kernel.test_samples;
    sizes.wants_variance = run.inputs.cross->diagonals.has_value();
    sizes.wants_attribution = run.options.attribution > 0;
    return sizes;
}

/// `room`: what a rank may take of its node's memory.
void require_memory(const RegressRun& run, const RegressionBytes& bytes, Index room) {
    constexpr Index fixed_work_space = Index{32} << 20;  // as for spectra
    const Index n = run.problem().rows();
    const std::string& path = run.inputs.kernel.path;
    if (!has_address_space(bytes.total() + fixed_work_space)) {
        fail(
            ExitCode::no_resources,
            "no room for the regression on a {} x {} matrix in this process's address space ({}): raise the limit on it (ulimit -v unlimited), or use more ranks",
            n, n, path);
    }
    if (bytes.total() <= room) return;
    const std::string advice =
        bytes.whole > room
            ? fmt::format(
                  "{:.1f} GiB of them are {} columns of {} ridges and times, whole on every rank: give fewer of those, or use fewer ranks a node",
                  gib(bytes.whole), run.problem().columns(), sizes_of(run).fits)
            : "use more nodes";
    fail(
        ExitCode::no_resources,
        "the regression on a {} x {} matrix takes {:.1f} GiB a rank and {:.1f} are left for each on its node ({}): {}",
        n, n, gib(bytes.total()), gib(std::max<Index>(room, 0)), path, advice);
}

/// Collective. What --dry-run prints.
int print_plan(const RegressRun& run, Index bytes, Index whole) {
    const double rate = gemm_rate_of_all<double>(run.world, run.threads, gemm_seconds_of_plan);
    const int ranks = solver_ranks(run.problem().rows(), run.world.size(), run.problem().unit);
    const double seconds = operations_for(sizes_of(run), run.method) / (rate * ranks / run.world.size());
    agree_on_root(run.world, [&] {
        const Index n = run.problem().rows();
        std::cout
            << fmt::format(
                   "regression  {} x {}, {} column{}, {}\nranks       {} of {} hold the matrix, {} thread{} each\nmemory      {:.2f} GiB on the rank with the most, {:.2f} of it whole on every rank\ntime        about {:.2g} s\n",
                   n, n, run.problem().columns(), run.problem().columns() == 1 ? "" : "s",
                   run.method == RegressionMethod::cholesky ? "by Cholesky" : "by eigenvectors", ranks,
                   run.world.size(), run.threads, run.threads == 1 ? "" : "s", gib(bytes), gib(whole),
                   seconds)
            << std::flush;
    });
    return static_cast<int>(ExitCode::done);
}

std::vector<Attribute> more_provenance(const RegressRun& run) {
    std::vector<Attribute> attributes{{"targets", run.options.targets.location}};
    const auto add_digest = [&](const std::string& name, const std::string& location) {
        attributes.push_back({name, digest_file(split_location(location).file).sha256});
    };
    add_digest("targets_sha256", run.options.targets.location);
    if (!run.inputs.cross) return attributes;
    const KernelFile& cross = run.inputs.cross->kernel;
    attributes.push_back({"test_kernel_file", cross.path});
    attributes.push_back({"test_kernel_date", cross.date});
    if (run.options.test_targets.empty()) return attributes;
    attributes.push_back({"test_targets", run.options.test_targets});
    add_digest("test_targets_sha256", run.options.test_targets);
    return attributes;
}

void write_csv(const std::string& path, const RegressionResult& result) {
    if (path.empty()) return;
    std::ofstream file(path);
    file << to_csv(result);
    file.close();
    if (!file) fail(ExitCode::io, "cannot write the table ({}): choose another --csv", path);
}

/// Collective. Computes, writes the partial file, gives it its name.
int regress(RegressRun& run) {
    const bool takes_part = run.layout.rows.extent > 0;
    const mpi::Communicator comm = run.world.split(takes_part ? 0 : 1, run.world.rank());
    agree(run.world, [&] {
        if (takes_part) compute(run, comm);
    });
    const Provenance provenance =
        gather_provenance(run.world, run.options.command_line, run.options.configuration);
    const RegressionResult& result = run.inputs.result;
    agree_on_root(run.world, [&] {
        write_regression(run.paths.partial, run.inputs.kernel, provenance, more_provenance(run), result);
        write_csv(run.options.csv, result);
        const std::string failure = result.checks.first_failure();
        const std::string name = publish(run.paths, !failure.empty());
        std::cout << fmt::format("{}file        {}\n", to_table(result), name) << std::flush;
        if (!failure.empty()) {
            fail(ExitCode::check_failed,
                 "a check of the regression failed ({}): {}: is the kernel symmetric? 'tangram verify' tells",
                 name, failure);
        }
    });
    return static_cast<int>(ExitCode::done);
}

/// All files that are read, none of which may be the output.
std::vector<std::string> input_files(const RegressOptions& options) {
    std::vector<std::string> files{options.file, split_location(options.targets.location).file};
    for (const std::string& file : {options.test, options.eigen, split_location(options.test_targets).file}) {
        if (!file.empty()) files.push_back(file);
    }
    return files;
}

}  // namespace

int run_regress(const RegressOptions& options, const mpi::Communicator& world) {
    RegressRun run{options, world, {}, OutputPaths(options.output), {}, false, {}};
    agree_on_root(world, [&] { run.inputs = read_regress_inputs(options); });
    agree(world, [&] {
        if (!world.is_root()) run.inputs = read_regress_inputs(options);
        choose_work(run);
    });
    run.threads = threads_for_products(world, options.threads);
    const RegressionProblem& problem = run.problem();
    run.layout = layout_for(problem.rows(), world, problem.unit);
    const RegressionBytes bytes = bytes_for(sizes_of(run), run.layout, run.method);
    const Index room = room_beyond_base(world, std::nullopt);
    agree(world, [&] {
        require_countable(problem.rows(), world.size(), problem.unit, options.file);
        if (!options.dry_run) require_memory(run, bytes, room);
    });
    const auto planned = static_cast<Index>(mpi::maximum(world, static_cast<double>(bytes.total())));
    run.inputs.result.planned_memory = planned;
    if (options.dry_run) return print_plan(run, planned, bytes.whole);
    FileLock lock;
    agree_on_root(world, [&] {
        require_writable(run.paths, {options.overwrite, false}, input_files(options));
        lock = FileLock::take(run.paths.lock, lock_holder_line(), 0);
    });
    try {
        const int code = regress(run);
        if (world.is_root()) lock.remove();
        return code;
    } catch (const AgreedError&) {
        if (world.is_root()) {
            std::remove(run.paths.partial.c_str());
            lock.remove();
        }
        throw;
    }
}

}  // namespace tangram
