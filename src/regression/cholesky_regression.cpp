#include "tangram/regression/cholesky_regression.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/support/cholesky.hpp"
#include "tangram/support/eigen_solver.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/error_measures.hpp"
#include "tangram/support/matrix_facts.hpp"
#include "tangram/support/stopwatch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace tangram {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();

void add_to_diagonal(const BlockCyclic& layout, double lambda, AlignedBuffer<double>& A) {
    for_each_on_diagonal(layout, [&](Index, Index k) { A.data()[k] += lambda; });
}

/// Up to two digits, so that it can be typed.
double rounded_up(double value) {
    const double unit = std::pow(10, std::floor(std::log10(value)) - 1);
    return std::ceil(value / unit) * unit;
}

/// Collective. Says why there is no factor.
[[noreturn]] void refuse(const KernelOnRanks& kernel, double lambda) {
    AlignedBuffer<double> A;
    kernel.read(A);
    const MatrixFacts facts = scale_and_measure(kernel.comm, kernel.layout, A, PowerIteration::no);
    const std::vector<double> values =
        solve_symmetric(kernel.comm, kernel.layout, A, false, Solver::fastest, kernel.threads).values;
    const double n = static_cast<double>(values.size());
    const double noise = rounding_unit(kernel.precision) * facts.norm;
    // |A|_1 may be sqrt(n) times the largest eigenvalue, and the condition number is an estimate.
    const double enough = 4 * std::max({noise, n * eps * std::sqrt(n) * std::max(values.back(), 0.0),
                                        std::numeric_limits<double>::min()}) -
                          2 * std::min(values.front(), 0.0);
    const auto unscaled = [&](double value) { return std::ldexp(value, facts.exponent); };
    fail(
        ExitCode::bad_input,
        "K + lambda is not positive definite at lambda = {:.3g}, but for rounding ({}): the smallest eigenvalue of K is {:.3g}, the largest {:.3g}, the noise of its storage {:.2g}: give --ridge {:.2g} or more, or --ridge 0 for the modes above the noise",
        lambda, kernel.name, unscaled(values.front()), unscaled(values.back()), unscaled(noise),
        rounded_up(unscaled(enough)));
}

/// A' = K' + lambda', factored.
struct Factored {
    std::unique_ptr<Cholesky> A;
    MatrixFacts facts;
};

Factored factor(const KernelOnRanks& kernel, double lambda) {
    AlignedBuffer<double> A;
    kernel.read(A);
    Factored factored;
    factored.facts = scale_and_measure(kernel.comm, kernel.layout, A, PowerIteration::no);
    add_to_diagonal(kernel.layout, std::ldexp(lambda, -factored.facts.exponent), A);
    factored.A = std::make_unique<Cholesky>(kernel.comm, kernel.layout, std::move(A));
    return factored;
}

Matrix<double> difference(ConstMatrixView<double> A, ConstMatrixView<double> B) {
    Matrix<double> D(A.rows, A.cols);
    for (Index i = 0; i < A.rows; ++i) {
        for (Index j = 0; j < A.cols; ++j) D(i, j) = A(i, j) - B(i, j);
    }
    return D;
}

}  // namespace

double relative_residual(ConstMatrixView<double> A_alpha, ConstMatrixView<double> alpha,
                         ConstMatrixView<double> b, double norm) {
    double off = 0;
    for (Index i = 0; i < b.rows; ++i) {
        for (Index j = 0; j < b.cols; ++j) off = worse(off, std::abs(A_alpha(i, j) - b(i, j)));
    }
    if (off == 0) return 0;
    return off / (norm * largest_magnitude(alpha) + largest_magnitude(b));
}

Regression regress_by_cholesky(const KernelOnRanks& kernel, const RegressionProblem& problem, double lambda,
                               Scores scores) {
    const blas::BlasThreads threads(kernel.threads);
    const Stopwatch watch;
    Factored factored = factor(kernel, lambda);
    if (!factored.A->is_definite()) {
        factored.A.reset();
        refuse(kernel, lambda);
    }
    const std::shared_ptr<const Cholesky> A = std::move(factored.A);
    const double scaled_lambda = std::ldexp(lambda, -factored.facts.exponent);

    Regression regression;
    RidgeSolver& solver = regression.solver;
    solver.method = kernel.comm.size() > 1 ? "Cholesky by ScaLAPACK" : "Cholesky by LAPACK";
    solver.exponent = factored.facts.exponent;
    solver.norm = factored.facts.norm;
    solver.trace = factored.facts.trace;
    solver.noise = rounding_unit(kernel.precision) * factored.facts.norm;
    solver.largest = solver.smallest = std::numeric_limits<double>::quiet_NaN();
    solver.condition = 1 / A->reciprocal_condition();
    solver.seconds = watch.seconds();
    solver.ridges = {scaled_lambda};
    solver.solve = [A](Index, ConstMatrixView<double> B) { return A->solve(B); };
    solver.multiply = [A, scaled_lambda](ConstMatrixView<double> B) {
        Matrix<double> C = A->multiply(B);
        for (Index i = 0; i < C.rows(); ++i) {
            for (Index j = 0; j < C.cols(); ++j) C(i, j) -= scaled_lambda * B(i, j);
        }
        return C;
    };
    solver.prepare = [A](ConstMatrixView<double> B) { return A->half_solve(B); };
    solver.weights = [n = problem.rows()](Index) { return std::vector<double>(at(n), 1.0); };

    const Matrix<double> R = problem.residuals();
    InverseFacts facts;
    facts.exponent = solver.exponent;
    facts.alpha = A->solve(R.view());
    const Matrix<double> rest = difference(R.view(), A->multiply(facts.alpha.view()).view());
    const Matrix<double> step = A->solve(rest.view());
    for (Index i = 0; i < R.size(); ++i) facts.alpha.data()[i] += step.data()[i];
    facts.log_determinant = A->log_determinant();
    if (scores == Scores::all) facts.blocks = A->inverse_blocks(problem.unit);

    regression.fits = make_fits(problem, {lambda}, true);
    Fits& fits = regression.fits;
    add_scores(problem, facts, scaled_lambda, 0, fits);
    const Matrix<double> product = A->multiply(facts.alpha.view());
    fits.residual[0] = relative_residual(product.view(), facts.alpha.view(), R.view(), A->norm());
    for (Index i = 0; i < R.size(); ++i)
        fits.train(0, i) = problem.targets.data()[i] - scaled_lambda * facts.alpha.data()[i];
    return regression;
}

}  // namespace tangram
