// `tangram regress --model ..`: kernel regression at one ridge with a kernel that is never made, by preconditioned conjugate gradients.
//
//   (s K + lambda) alpha_c = (Y - f0)_c      f = f0 + s K alpha      f* = f0* + s K* alpha

#include "tangram/commands/regress.hpp"
#include "tangram/matrix_free/nystrom.hpp"
#include "tangram/regression/choices.hpp"
#include "tangram/regression/regression_file.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/location.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <utility>

namespace tangram {

namespace {

/// Steps between two places where a solution can be kept: the recurrence begins anew there.
constexpr Index steps_at_once = 500;

constexpr double default_tolerance = 1e-8;

/// The regression's numbers while it runs.
struct Solving {
    const RegressOptions& options;
    MatrixFreeRun& run;
    RegressionResult result{};
    double scale = 1;  ///< s
    double ridge = 0;
    Index steps = 0, products = 0;
    Matrix<double> alpha{};  ///< rows of this rank (own, sides)
};

/// Not collective. Targets and prior of the training samples, whole.
void read_targets(Solving& s, const Matrix<double>& outputs) {
    const KernelFile& kernel = s.run.described();
    RegressionResult& result = s.result;
    result.samples = s.run.inputs.samples.selection.rows;
    const GivenTargets given =
        read_given_targets(s.options.targets.location, s.options.targets.kind, result.samples, nullptr);
    result.notes = given.notes;
    result.code = choose_code(kernel, given, s.options.targets);
    result.notes.insert(result.notes.end(), result.code.notes.begin(), result.code.notes.end());
    result.train_targets = encode(given, result.code);
    result.problem.unit = s.run.K->rows_each();
    result.problem.targets = encode(given, result.code).values;
    result.problem.prior = prior_of(outputs, kernel, result.code);
    result.network_accuracy = accuracy_of_outputs(outputs, result.train_targets, result.code);
    if (!s.run.inputs.test) return;
    TestSet test;
    test.rows = s.run.inputs.test->selection.rows;
    if (!s.options.test_targets.empty()) {
        const GivenTargets its =
            read_given_targets(s.options.test_targets, s.options.targets.kind, test.rows, &given);
        test.targets = encode(its, result.code);
    }
    result.test = std::move(test);
}

void choose_numbers(Solving& s, double trace) {
    const KernelFile& kernel = s.run.described();
    const double of_one =
        kernel.reduction == "trace" ? 1 / static_cast<double>(kernel.outputs_that_count()) : 1;
    s.result.kernel_scale = s.options.kernel_scale.value_or(of_one);
    s.result.prior_variance = s.options.prior_variance;
    s.scale = s.result.kernel_scale * s.result.prior_variance;
    s.result.mean_diagonal = s.scale * trace / static_cast<double>(s.run.K->extent());
    s.ridge = parse_ridges(s.options.ridges, s.result.mean_diagonal).front();
    if (!(s.ridge > 0)) fail(ExitCode::usage, "--ridge {}: with --model it must be above 0", s.ridge);
    s.result.matrices = {"ntk"};
    s.result.reduction_text = kernel.reduction_text;
}

/// s K + lambda, or s K.
DistributedOperator shifted(Solving& s, double shift) {
    DistributedOperator A = s.run.as_operator();
    A.act = [&s, act = A.act, shift](std::span<const double> v, std::span<double> y) {
        ++s.products;
        act(v, y);
        for (std::size_t i = 0; i < y.size(); ++i) y[i] = s.scale * y[i] + shift * v[i];
    };
    return A;
}

std::string identity_of(const Solving& s) {
    std::string identity;
    agree_on_root(s.run.world, [&] {
        identity = fmt::format("{} targets {} scale {:.17g} ridge {:.17g}", s.run.identity(),
                               s.options.targets.location, s.scale, s.ridge);
    });
    return identity;
}

constexpr const char* checkpoint_array = "coefficients";

/// Collective. Alpha of a checkpoint, where there is one.
void resume(Solving& s, const std::string& identity) {
    std::optional<Matrix<double>> found = s.run.resumed_rows(checkpoint_array, identity);
    if (!found) return;
    s.alpha = std::move(*found);
    s.run.log->info("coefficients are those of the checkpoint");
}

std::vector<double> column_of(const Matrix<double>& A, Index c) {
    std::vector<double> column;
    for (Index i = 0; i < A.rows(); ++i) column.push_back(A(i, c));
    return column;
}

/// Collective. alpha of all columns.
void solve(Solving& s, const Matrix<double>& R, const std::string& identity) {
    const DistributedOperator A = shifted(s, s.ridge);
    std::optional<NystromPreconditioner> preconditioner;
    if (s.options.preconditioner > 0) {
        s.run.progress.begin("preconditioner", s.options.preconditioner, 0);
        preconditioner.emplace(s.run.world, shifted(s, 0), s.options.preconditioner, 0, s.run.K->rows().begin,
                               [&](Index done) { s.run.progress.set_done(done, 0); });
    }
    s.run.progress.begin("solution", R.cols(), 0);
    for (Index c = 0; c < R.cols(); ++c) {
        const std::vector<double> b = column_of(R, c);
        std::vector<double> x = column_of(s.alpha, c);
        Index steps = 0;
        for (bool converged = false; !converged;) {
            SolveRequest request;
            request.tolerance = s.run.options.tolerance.value_or(default_tolerance);
            request.most_steps = std::min<Index>(steps_at_once, s.run.options.most_steps - steps);
            if (preconditioner) {
                request.precondition = [&](std::span<const double> r, std::span<double> z) {
                    preconditioner->apply(s.ridge, r, z);
                };
            }
            const Solution found = conjugate_gradients(s.run.world, A, b, x, request);
            steps += found.steps;
            converged = found.converged;
            for (Index i = 0; i < s.alpha.rows(); ++i) s.alpha(i, c) = x[at(i)];
            s.run.take_checkpoint(checkpoint_array, identity, std::as_const(s.alpha).view());
            agree(s.run.world, [&] {
                if (converged || steps < s.run.options.most_steps) return;
                fail(
                    ExitCode::check_failed,
                    "column {} has no solution after {} steps ({}): give a larger --ridge, --preconditioner or --most-steps",
                    c, steps, s.run.paths.finished);
            });
        }
        s.steps += steps;
        s.run.progress.set_done(c + 1, 0);
    }
}

/// Collective. Predictions, and the residual by a product of its own.
void predict(Solving& s, const Matrix<double>& R) {
    RegressionResult& result = s.result;
    const Index sides = R.cols();
    const DistributedOperator K = shifted(s, 0);
    Matrix<double> fitted(R.rows(), sides);
    double worst = 0;
    for (Index c = 0; c < sides; ++c) {
        const std::vector<double> x = column_of(s.alpha, c);
        std::vector<double> y(x.size());
        K.act(x, y);
        double sums[2] = {0, 0};
        for (std::size_t i = 0; i < y.size(); ++i) {
            const auto row = static_cast<Index>(i);
            fitted(row, c) = y[i];
            const double off = y[i] + s.ridge * x[i] - R(row, c);
            sums[0] += off * off;
            sums[1] += R(row, c) * R(row, c);
        }
        mpi::sum(s.run.world, sums);
        worst = std::max(worst, sums[1] > 0 ? std::sqrt(sums[0] / sums[1]) : std::sqrt(sums[0]));
    }
    result.ridges = make_fits(result.problem, {s.ridge}, true);
    result.ridges.left_out = {};
    result.ridges.residual = {worst};
    result.checks.residual = worst;
    result.checks.residual_limit = std::max(10 * s.run.options.tolerance.value_or(default_tolerance), 1e-12);
    const Matrix<double> alpha = s.run.whole_rows(std::as_const(s.alpha).view());
    const Matrix<double> train = s.run.whole_rows(std::as_const(fitted).view());
    const Matrix<double>& prior = result.problem.prior;
    for (Index k = 0; k < prior.size(); ++k) {
        result.ridges.coefficients.data()[k] = alpha.data()[k];
        result.ridges.train.data()[k] = prior.data()[k] + train.data()[k];
    }
    if (!result.test) return;
    const KernelOperator::OnTest on_test = s.run.K->act_on_test(s.alpha);
    result.test->prior = prior_of(on_test.outputs, s.run.described(), result.code);
    if (result.test->targets)
        result.test->network_accuracy =
            accuracy_of_outputs(on_test.outputs, *result.test->targets, result.code, {});
    result.ridges.test = Matrix<double>(1, result.test->prior.size());
    for (Index k = 0; k < result.test->prior.size(); ++k)
        result.ridges.test.data()[k] = result.test->prior.data()[k] + s.scale * on_test.products.data()[k];
}

/// Collective.
int write(Solving& s) {
    const Provenance provenance = s.run.provenance();
    const std::string name = s.run.finish([&](const std::string& path) {
        write_regression(path, s.run.described(), provenance,
                         {{"inputs", inputs_as_json(provenance.inputs)},
                          {"targets", s.options.targets.location},
                          {"test_targets", s.options.test_targets},
                          {"matrix_free", Index{1}},
                          {"products", s.products}},
                         s.result);
        if (s.options.csv.empty()) return;
        std::ofstream file(s.options.csv);
        file << to_csv(s.result);
        file.close();
        if (!file) fail(ExitCode::io, "cannot write the table ({}): choose another --csv", s.options.csv);
    });
    if (s.run.world.is_root()) {
        std::cout
            << fmt::format(
                   "{}products    {} of K with a vector, {} steps of conjugate gradients\nfile        {}\n",
                   to_table(s.result), s.products, s.steps, name)
            << std::flush;
    }
    return static_cast<int>(ExitCode::done);
}

int regress(Solving& s) {
    const Stopwatch watch;
    std::vector<std::string> others{split_location(s.options.targets.location).file};
    if (!s.options.test_targets.empty()) others.push_back(split_location(s.options.test_targets).file);
    s.run.begin(others);
    const double trace = s.run.K->trace();
    const Matrix<double> outputs = s.run.all_outputs();
    agree(s.run.world, [&] {
        read_targets(s, outputs);
        choose_numbers(s, trace);
    });
    const Matrix<double> R = s.run.own_rows(s.result.problem.residuals());
    s.alpha = Matrix<double>(R.rows(), R.cols());
    const std::string identity = identity_of(s);
    resume(s, identity);
    solve(s, R, identity);
    predict(s, R);
    s.result.method = fmt::format("PETSc conjugate gradients, {} random vectors in the preconditioner",
                                  s.options.preconditioner);
    s.result.seconds = watch.seconds();
    add_comparisons(s.result);
    agree(s.run.world, [&] {
        const std::string failure = s.result.checks.first_failure();
        if (!failure.empty())
            fail(ExitCode::check_failed, "a check of the regression failed ({}): {}: report this",
                 s.run.paths.finished, failure);
    });
    return write(s);
}

}  // namespace

int run_matrix_free_regress(const RegressOptions& options, const mpi::Communicator& world,
                            StopRequest& stop) {
    MatrixFreeRun run(matrix_free_options(options), world, stop, 3 * options.preconditioner + 40);
    if (options.dry_run) {
        run.progress.finish();
        run.print_plan();
        return static_cast<int>(ExitCode::done);
    }
    Solving solving{options, run};
    try {
        return regress(solving);
    } catch (const AgreedError&) {
        run.give_up();
        throw;
    }
}

}  // namespace tangram
