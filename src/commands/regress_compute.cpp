#include "regress_run.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/regression/cholesky_regression.hpp"
#include "tangram/regression/eigen_regression.hpp"
#include "tangram/regression/left_out_check.hpp"
#include "tangram/regression/stored_modes.hpp"
#include "tangram/regression/test_kernel.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();

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

}  // namespace

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

}  // namespace tangram
