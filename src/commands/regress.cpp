#include "tangram/commands/regress.hpp"

#include "regress_inputs.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/regression/choices.hpp"
#include "tangram/regression/cholesky_regression.hpp"
#include "tangram/regression/eigen_regression.hpp"
#include "tangram/regression/plan.hpp"
#include "tangram/regression/regression_file.hpp"
#include "tangram/regression/stored_modes.hpp"
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

constexpr double eps = std::numeric_limits<double>::epsilon();

struct RegressRun {
    const RegressOptions& options;
    const mpi::Communicator& world;
    RegressInputs inputs;
    OutputPaths paths;
    std::vector<double> ridges;  ///< empty where they are chosen by the eigenvalues, or none are wanted
    bool is_automatic = false;
    std::vector<double> times;  ///< tau
    RegressionMethod method = RegressionMethod::cholesky;
    BlockCyclic layout{};
    int threads = 1;
    [[nodiscard]] const RegressionProblem& problem() const { return inputs.result.problem; }
    [[nodiscard]] Scores scores() const { return options.scores == "all" ? Scores::all : Scores::likelihood; }
};

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

void require_memory(const RegressRun& run, Index bytes) {
    constexpr Index fixed_work_space = Index{32} << 20;  // as for spectra
    const Index n = run.problem().rows();
    const std::string& path = run.inputs.kernel.path;
    if (!has_address_space(bytes + fixed_work_space)) {
        fail(
            ExitCode::no_resources,
            "no room for the regression on a {} x {} matrix in this process's address space ({}): raise the limit on it (ulimit -v unlimited), or use more ranks",
            n, n, path);
    }
    const auto available = available_memory();
    if (!available || bytes <= *available) return;
    fail(
        ExitCode::no_resources,
        "the regression on a {} x {} matrix takes {:.1f} GiB on this rank and {:.1f} are left ({}): use more ranks",
        n, n, gib(bytes), gib(*available), path);
}

/// Collective. What --dry-run prints.
int print_plan(const RegressRun& run, Index bytes) {
    const double rate = gemm_rate_of_all<double>(run.world, run.threads, 0.1);
    const int ranks = solver_ranks(run.problem().rows(), run.world.size(), run.problem().unit);
    const double seconds = operations_for(sizes_of(run), run.method) / (rate * ranks / run.world.size());
    agree_on_root(run.world, [&] {
        const Index n = run.problem().rows();
        std::cout
            << fmt::format(
                   "regression  {} x {}, {} column{}, {}\nranks       {} of {} hold the matrix, {} thread{} each\nmemory      {:.2f} GiB on the rank with the most\ntime        about {:.2g} s\n",
                   n, n, run.problem().columns(), run.problem().columns() == 1 ? "" : "s",
                   run.method == RegressionMethod::cholesky ? "by Cholesky" : "by eigenvectors", ranks,
                   run.world.size(), run.threads, run.threads == 1 ? "" : "s", gib(bytes), seconds)
            << std::flush;
    });
    return static_cast<int>(ExitCode::done);
}

/// Collective over the kernel's ranks. Fills in ridges and times.
void solve(const RegressRun& run, const KernelOnRanks& kernel, RegressionResult& result,
           RidgeSolver& solver) {
    const RegressionProblem& problem = result.problem;
    Regression regression;
    if (run.method == RegressionMethod::cholesky) {
        regression = regress_by_cholesky(kernel, problem, run.ridges.front(), run.scores());
    } else {
        const std::shared_ptr<const Modes> modes =
            run.method == RegressionMethod::eigen
                ? find_modes(kernel)
                : modes_of_file(kernel, run.options.eigen, run.inputs.kernel, run.inputs.sum);
        result.is_automatic = run.is_automatic;
        const std::vector<double> ridges = run.is_automatic ? automatic_ridges(*modes) : run.ridges;
        regression = regress_by_modes(kernel, modes, problem, ridges);
        if (!run.times.empty()) result.flow = flow_by_modes(kernel, *modes, problem, run.times);
        const LimitErrors limits = check_limits(kernel, *modes, problem);
        result.checks.infinity_error = limits.infinity;
        result.checks.zero_error = limits.zero;
        const Index count = modes->above_noise();
        const bool shows_modes = result.flow || std::find(ridges.begin(), ridges.end(), 0.0) != ridges.end();
        if (shows_modes) {
            result.notes.push_back(fmt::format(
                "{} of {} modes lie above the noise of storage; the others count as zero at ridge 0 and in time",
                count, modes->values.size()));
        }
    }
    result.notes.insert(result.notes.end(), regression.notes.begin(), regression.notes.end());
    result.ridges = std::move(regression.fits);
    solver = std::move(regression.solver);
    const auto unscaled = [&](double value) { return std::ldexp(value, solver.exponent); };
    result.method = solver.method;
    result.seconds = solver.seconds;
    result.storage_noise = unscaled(solver.noise);
    result.largest_eigenvalue = unscaled(solver.largest);
    result.smallest_eigenvalue = unscaled(solver.smallest);
}

/// The ridge that checks and attributions are of.
std::optional<Index> chosen_ridge(const RegressionResult& result) {
    if (result.ridges.count() == 1 && !std::isnan(result.ridges.train(0, 0))) return 0;
    return result.best_left_out;
}

/// Collective over the kernel's ranks.
void add_test_samples(const RegressRun& run, const mpi::Communicator& comm, const TestKernel& test,
                      const RidgeSolver& solver, RegressionResult& result) {
    const RegressionProblem& problem = result.problem;
    const Matrix<double>& prior = result.test->prior;
    if (result.ridges.count() > 0) {
        result.ridges.test = predict(comm, test, problem, result.ridges, prior);
        if (test.diagonals) result.ridges.variance = variances(comm, test, problem, solver, result.ridges);
    }
    if (result.flow) result.flow->test = predict(comm, test, problem, *result.flow, prior);
    add_comparisons(result);
    const std::optional<Index> chosen = chosen_ridge(result);
    if (run.options.attribution == 0 || !chosen) return;
    result.by_representer = run.options.attribution_by == "representer";
    result.attribution =
        attribute(comm, test, problem, solver, result.ridges, *chosen,
                  {run.options.attribution, result.by_representer, run.options.attribution_output});
    result.attribution_ridge = result.ridges.at[at(*chosen)];
}

/// Collective over the kernel's ranks.
void check(const RegressRun& run, const RidgeSolver& solver, RegressionResult& result) {
    RegressionChecks& checks = result.checks;
    const auto n = static_cast<double>(result.problem.rows());
    checks.residual_limit = std::max(1e-13, 30 * n * eps);
    for (Index k = 0; k < result.ridges.count(); ++k) {
        if (std::isnan(result.ridges.train(k, 0))) continue;  // said: not positive definite there
        const double residual = result.ridges.residual[at(k)];
        checks.residual = std::isnan(residual) ? HUGE_VAL : std::max(checks.residual, residual);
    }
    const std::optional<Index> chosen = chosen_ridge(result);
    const bool has_condition =
        chosen && (solver.ridges[at(*chosen)] > 0 || result.smallest_eigenvalue > result.storage_noise);
    if (!has_condition || run.scores() != Scores::all || result.problem.samples() < 2) return;
    const double lambda = result.ridges.at[at(*chosen)];
    const double condition =
        run.method == RegressionMethod::cholesky
            ? solver.condition
            : (result.largest_eigenvalue + lambda) / (result.smallest_eigenvalue + lambda);
    checks.left_out_limit = std::min(0.5, 1e-9 + 100 * eps * std::abs(condition));
    const blas::BlasThreads threads(run.threads);
    checks.left_out = check_left_out(result.problem, solver, result.ridges, *chosen);
}

void note_noise(RegressionResult& result) {
    Index below = 0;
    for (const double ridge : result.ridges.at)
        below += ridge > 0 && ridge < (1 - 1e-9) * result.storage_noise ? 1 : 0;
    if (below > 0) {
        result.notes.push_back(fmt::format(
            "{} below the noise of storage, {:.2e}: modes of about that size are made of rounding",
            result.ridges.count() == 1 ? "lambda is" : fmt::format("{} ridges are", below),
            result.storage_noise));
    }
    if (!result.is_automatic || !result.best_left_out) return;
    const Index best = *result.best_left_out;
    if (best == 0 || best == result.ridges.count() - 1) {
        result.notes.push_back(
            fmt::format("the best ridge by leave-one-out is the {} of the grid: give --ridge beyond it",
                        best == 0 ? "least" : "largest"));
    }
}

/// Collective over the kernel's ranks. All numbers.
void compute(RegressRun& run, const mpi::Communicator& comm) {
    RegressionResult& result = run.inputs.result;
    const TileFile tiles(run.inputs.kernel.path, run.inputs.kernel.shape, TileFile::Access::read);
    const KernelOnRanks kernel{
        comm,
        run.layout,
        run.threads,
        run.inputs.kernel.shape.precision,
        [&](AlignedBuffer<double>& local) {
            agree(comm,
                  [&] { read_block_cyclic(tiles, run.inputs.kernel, run.inputs.sum, run.layout, local); });
        },
        fmt::format("{}:/{}", run.inputs.kernel.path, result.matrices.front())};
    RidgeSolver solver;
    solve(run, kernel, result, solver);
    if (run.inputs.cross) {
        const CrossInputs& cross = *run.inputs.cross;
        const TileFile cross_tiles(cross.kernel.path, cross.kernel.shape, TileFile::Access::read);
        const blas::BlasThreads threads(run.threads);
        const TestKernel test{cross.kernel, cross_tiles, cross.sum, cross.diagonals};
        add_test_samples(run, comm, test, solver, result);
    } else {
        add_comparisons(result);
    }
    check(run, solver, result);
    note_noise(result);
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
    const Index bytes = bytes_for(sizes_of(run), run.layout, run.method);
    agree(world, [&] {
        require_countable(problem.rows(), world.size(), problem.unit, options.file);
        if (!options.dry_run) require_memory(run, bytes);
    });
    const auto planned = static_cast<Index>(mpi::maximum(world, static_cast<double>(bytes)));
    run.inputs.result.planned_memory = planned;
    if (options.dry_run) return print_plan(run, planned);
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
