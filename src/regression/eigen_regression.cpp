#include "tangram/regression/eigen_regression.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/support/distributed_product.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/error_measures.hpp"
#include "tangram/support/stopwatch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tangram {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

void complete(const KernelOnRanks& kernel, Modes& modes) {
    modes.noise = rounding_unit(kernel.precision) * modes.facts.norm;
    modes.column_norm = column_norm(kernel.comm, kernel.layout, modes.kernel);
}

Matrix<double> times(const KernelOnRanks& kernel, const AlignedBuffer<double>& A, bool transpose,
                     ConstMatrixView<double> B) {
    return multiply_columns(kernel.comm, kernel.layout, transpose, A, B);
}

Matrix<double> weighted(ConstMatrixView<double> q, const std::vector<double>& weights) {
    Matrix<double> product(q.rows, q.cols);
    for (Index k = 0; k < q.rows; ++k) {
        // A mode without weight has no part, even where its share is no number.
        for (Index c = 0; c < q.cols; ++c) product(k, c) = weights[at(k)] == 0 ? 0 : weights[at(k)] * q(k, c);
    }
    return product;
}

/// Collective. The blocks on the diagonal of V w V^T, (N, unit^2).
Matrix<double> blocks_of(const KernelOnRanks& kernel, const Modes& modes, const std::vector<double>& weights,
                         Index unit) {
    const BlockCyclic& layout = kernel.layout;
    const Index rows = layout.rows.local_extent();
    Matrix<double> blocks(layout.rows.extent / unit, unit * unit);
    std::vector<double> squares(at(unit == 1 ? rows : 0), 0);
    for (Index j = 0; j < layout.cols.local_extent(); ++j) {
        const double w = weights[at(layout.cols.global(j))];
        const double* v = modes.vectors.data() + j * rows;
        if (unit == 1) {
            for (Index i = 0; i < rows; ++i) squares[at(i)] += w * v[i] * v[i];
            continue;
        }
        for (Index first = 0; first < rows; first += unit) {
            double* block = blocks.view().row(layout.rows.global(first) / unit);
            for (Index a = 0; a < unit; ++a) {
                for (Index b = 0; b < unit; ++b) block[a * unit + b] += w * v[first + a] * v[first + b];
            }
        }
    }
    for (Index i = 0; i < std::ssize(squares); ++i) blocks(layout.rows.global(i), 0) = squares[at(i)];
    mpi::sum(kernel.comm, {blocks.data(), at(blocks.size())});
    return blocks;
}

/// 1 / (lambda_k + lambda'), or of lambda' = 0 minimum norm.
std::vector<double> ridge_weights(const Modes& modes, double lambda) {
    std::vector<double> weights(modes.values.size());
    for (std::size_t k = 0; k < weights.size(); ++k) {
        if (lambda > 0) {
            weights[k] = 1 / (modes.values[k] + lambda);
        } else {
            weights[k] = modes.counts(k) ? 1 / modes.values[k] : 0;
        }
    }
    return weights;
}

/// The same where modes that do not count are null: the limit for lambda -> 0.
std::vector<double> limit_weights(const Modes& modes, std::vector<double> weights) {
    const double least = 1e-20 * std::max(modes.values.back(), std::numeric_limits<double>::min() * 1e30);
    for (std::size_t k = 0; k < weights.size(); ++k) {
        if (!modes.counts(k)) weights[k] = 1 / least;
    }
    return weights;
}

bool is_definite(const Modes& modes, double lambda) {
    const double unit = static_cast<double>(modes.values.size()) * eps;
    return modes.values.front() + lambda > unit * (std::max(modes.values.back(), 0.0) + lambda);
}

double log_determinant_of(const Modes& modes, double lambda) {
    double sum = 0;
    for (std::size_t k = 0; k < modes.values.size(); ++k) {
        if (lambda == 0 && !modes.counts(k)) return nan;
        sum += std::log(modes.values[k] + lambda);
    }
    return sum;
}

std::vector<double> times_values(const Modes& modes, std::vector<double> weights) {
    for (std::size_t k = 0; k < weights.size(); ++k)
        weights[k] = weights[k] == 0 ? 0 : weights[k] * modes.values[k];
    return weights;
}

/// What one filter of the modes gives: alpha' = V w q and f - f0 = V Lambda w q, in one product.
struct Filtered {
    Matrix<double> alpha, change;
};

Filtered filtered(const KernelOnRanks& kernel, const Modes& modes, const Matrix<double>& q,
                  const std::vector<double>& weights) {
    const Index sides = q.cols();
    const Matrix<double> of_alpha = weighted(q.view(), weights);
    const Matrix<double> of_change = weighted(q.view(), times_values(modes, weights));
    Matrix<double> both(q.rows(), 2 * sides);
    for (Index k = 0; k < q.rows(); ++k) {
        std::copy_n(of_alpha.view().row(k), sides, both.view().row(k));
        std::copy_n(of_change.view().row(k), sides, both.view().row(k) + sides);
    }
    const Matrix<double> product = times(kernel, modes.vectors, false, both.view());
    Filtered result{Matrix<double>(q.rows(), sides), Matrix<double>(q.rows(), sides)};
    for (Index i = 0; i < q.rows(); ++i) {
        std::copy_n(product.view().row(i), sides, result.alpha.view().row(i));
        std::copy_n(product.view().row(i) + sides, sides, result.change.view().row(i));
    }
    return result;
}

/// One ridge: row k of the fits.
void fit_one(const KernelOnRanks& kernel, const Modes& modes, const RegressionProblem& problem,
             const Matrix<double>& q, double lambda, Index k, Fits& fits) {
    const std::vector<double> weights = ridge_weights(modes, lambda);
    InverseFacts facts;
    facts.exponent = modes.facts.exponent;
    facts.log_determinant = log_determinant_of(modes, lambda);
    Filtered found = filtered(kernel, modes, q, weights);
    facts.alpha = std::move(found.alpha);
    // Scores are those of all modes; predictions of those that count.
    if (lambda == 0 && modes.above_noise() < static_cast<Index>(modes.values.size())) {
        const std::vector<double> limit = limit_weights(modes, weights);
        InverseFacts scored = {facts.exponent,
                               times(kernel, modes.vectors, false, weighted(q.view(), limit).view()),
                               blocks_of(kernel, modes, limit, problem.unit), nan};
        add_scores(problem, scored, lambda, k, fits);
        for (Index i = 0; i < facts.alpha.size(); ++i)
            fits.coefficients(k, i) = std::ldexp(facts.alpha.data()[i], -facts.exponent);
    } else {
        facts.blocks = blocks_of(kernel, modes, weights, problem.unit);
        add_scores(problem, facts, lambda, k, fits);
    }
    double degrees = 0;
    for (const double share : times_values(modes, weights)) degrees += share;
    fits.degrees_of_freedom[at(k)] = degrees;
    fits.modes[at(k)] = lambda == 0 ? modes.above_noise() : static_cast<Index>(modes.values.size());
    const Matrix<double>& change = found.change;
    for (Index i = 0; i < change.size(); ++i) fits.train(k, i) = problem.prior.data()[i] + change.data()[i];
    // K' alpha' + lambda' alpha' against what it should be: R, or, of fewer modes, the part of R that they reach.
    Matrix<double> product = times(kernel, modes.kernel, false, facts.alpha.view());
    const Matrix<double> R = problem.residuals();
    for (Index i = 0; i < product.size(); ++i) product.data()[i] += lambda * facts.alpha.data()[i];
    fits.residual[at(k)] =
        relative_residual(product.view(), facts.alpha.view(), lambda == 0 ? change.view() : R.view(),
                          modes.column_norm + lambda);
}

}  // namespace

Index Modes::above_noise() const {
    Index count = 0;
    for (std::size_t k = 0; k < values.size(); ++k) count += counts(k) ? 1 : 0;
    return count;
}

std::shared_ptr<const Modes> find_modes(const KernelOnRanks& kernel) {
    const auto modes = std::make_shared<Modes>();
    AlignedBuffer<double> A;
    kernel.read(A);
    JudgedPairs judged = solve_and_judge(kernel.comm, kernel.layout, A, kernel.read, true, kernel.threads);
    if (!are_good(judged)) {
        fail(
            ExitCode::check_failed,
            "the eigenvalues by {} are wrong ({}): they are off, in units of n eps: {}; is the matrix symmetric? 'tangram verify' tells",
            judged.pairs.solver, kernel.name, describe_errors(judged.value_errors, judged.vector_errors));
    }
    modes->values = std::move(judged.pairs.values);
    modes->vectors = std::move(judged.pairs.vectors);
    modes->kernel = std::move(A);  // read once more for the errors of the vectors
    modes->facts = judged.facts;
    modes->solver = judged.pairs.solver;
    modes->seconds = judged.seconds;
    complete(kernel, *modes);
    return modes;
}

std::shared_ptr<const Modes> modes_from(const KernelOnRanks& kernel, std::vector<double> values,
                                        double factor,
                                        const std::function<void(AlignedBuffer<double>&)>& read) {
    const auto modes = std::make_shared<Modes>();
    kernel.read(modes->kernel);
    modes->facts = scale_and_measure(kernel.comm, kernel.layout, modes->kernel);
    modes->values = std::move(values);
    for (double& value : modes->values) value = std::ldexp(value * factor, -modes->facts.exponent);
    read(modes->vectors);
    modes->solver = "those of a file";
    complete(kernel, *modes);
    EigenPairs pairs;
    pairs.values = modes->values;
    pairs.vectors = std::move(modes->vectors);
    JudgedPairs judged;
    judged.facts = modes->facts;
    judged.value_errors = value_errors(pairs.values, modes->facts);
    const blas::BlasThreads for_products(kernel.threads);
    judged.vector_errors = eigen_errors(kernel.comm, kernel.layout, modes->kernel, pairs);
    modes->vectors = std::move(pairs.vectors);
    if (!are_good(judged)) {
        fail(
            ExitCode::bad_input,
            "the eigenvectors of the file are not those of this matrix ({}): they are off, in units of n eps: {}: make them again by 'tangram spectrum --vectors'",
            kernel.name, describe_errors(judged.value_errors, judged.vector_errors));
    }
    return modes;
}

std::vector<double> automatic_ridges(const Modes& modes) {
    constexpr int count = 41;
    const double largest = modes.values.back();
    if (!(largest > 0)) return {1};
    const double least = std::min(largest, std::max(modes.noise, 1e-10 * largest));
    std::vector<double> ridges;
    for (int k = 0; k < count; ++k) {
        const double part = static_cast<double>(k) / (count - 1);
        const double scaled = std::exp(std::log(least) * (1 - part) + std::log(largest) * part);
        ridges.push_back(std::ldexp(scaled, modes.facts.exponent));
    }
    return ridges;
}

Regression regress_by_modes(const KernelOnRanks& kernel, const std::shared_ptr<const Modes>& modes,
                            const RegressionProblem& problem, const std::vector<double>& lambdas) {
    const blas::BlasThreads threads(kernel.threads);
    Regression regression;
    RidgeSolver& solver = regression.solver;
    solver.method = modes->solver;
    solver.exponent = modes->facts.exponent;
    solver.norm = modes->facts.norm;
    solver.trace = modes->facts.trace;
    solver.noise = modes->noise;
    solver.largest = modes->values.back();
    solver.smallest = modes->values.front();
    solver.seconds = modes->seconds;
    for (const double lambda : lambdas) solver.ridges.push_back(std::ldexp(lambda, -solver.exponent));
    const std::vector<double> ridges = solver.ridges;
    solver.solve = [modes, ridges, &kernel](Index k, ConstMatrixView<double> B) {
        const Matrix<double> q = times(kernel, modes->vectors, true, B);
        return times(kernel, modes->vectors, false,
                     weighted(q.view(), ridge_weights(*modes, ridges[at(k)])).view());
    };
    solver.multiply = [modes, &kernel](ConstMatrixView<double> B) {
        return times(kernel, modes->kernel, false, B);
    };
    solver.prepare = [modes, &kernel](ConstMatrixView<double> B) {
        return times(kernel, modes->vectors, true, B);
    };
    solver.weights = [modes, ridges](Index k) { return ridge_weights(*modes, ridges[at(k)]); };

    regression.fits = make_fits(problem, lambdas, true);
    const Matrix<double> q = times(kernel, modes->vectors, true, problem.residuals().view());
    for (std::size_t k = 0; k < ridges.size(); ++k) {
        if (ridges[k] > 0 && !is_definite(*modes, ridges[k])) {
            regression.notes.push_back(fmt::format(
                "K + lambda is not positive definite at lambda = {:.3g}, but for rounding: the smallest eigenvalue is {:.3g}: no numbers there",
                lambdas[k], std::ldexp(modes->values.front(), solver.exponent)));
            continue;
        }
        fit_one(kernel, *modes, problem, q, ridges[k], static_cast<Index>(k), regression.fits);
        solver.condition = (modes->values.back() + ridges[k]) /
                           std::max(modes->values.front() + ridges[k], std::numeric_limits<double>::min());
    }
    return regression;
}

Fits flow_by_modes(const KernelOnRanks& kernel, const Modes& modes, const RegressionProblem& problem,
                   const std::vector<double>& taus) {
    const blas::BlasThreads threads(kernel.threads);
    Fits fits = make_fits(problem, taus, false);
    const Matrix<double> q = times(kernel, modes.vectors, true, problem.residuals().view());
    for (std::size_t t = 0; t < taus.size(); ++t) {
        const double tau = std::ldexp(taus[t], modes.facts.exponent);
        std::vector<double> weights(modes.values.size(), 0);
        for (std::size_t k = 0; k < weights.size(); ++k) {
            if (modes.counts(k)) weights[k] = -std::expm1(-modes.values[k] * tau) / modes.values[k];
        }
        const auto [alpha, change] = filtered(kernel, modes, q, weights);
        const auto row = static_cast<Index>(t);
        for (Index i = 0; i < alpha.size(); ++i) {
            fits.coefficients(row, i) = std::ldexp(alpha.data()[i], -modes.facts.exponent);
            fits.train(row, i) = problem.prior.data()[i] + change.data()[i];
        }
        fits.modes[t] = modes.above_noise();
    }
    return fits;
}

LimitErrors check_limits(const KernelOnRanks& kernel, const Modes& modes, const RegressionProblem& problem) {
    const blas::BlasThreads threads(kernel.threads);
    constexpr double far = 1e8;  // of the largest eigenvalue: what it leaves is 1e-8
    LimitErrors errors;
    const Matrix<double> R = problem.residuals();
    const Matrix<double> q = times(kernel, modes.vectors, true, R.view());
    const double lambda = far * std::max(modes.values.back(), std::numeric_limits<double>::min());
    const Matrix<double> change =
        times(kernel, modes.vectors, false,
              weighted(q.view(), times_values(modes, ridge_weights(modes, lambda))).view());
    const Matrix<double> KR = times(kernel, modes.kernel, false, R.view());
    double off = 0;
    for (Index i = 0; i < KR.size(); ++i)
        off = worse(off, std::abs(lambda * change.data()[i] - KR.data()[i]));
    errors.infinity = off == 0 ? 0 : off / (modes.column_norm * largest_magnitude(R.view()));

    Matrix<double> rest = times(kernel, modes.vectors, false,
                                weighted(q.view(), times_values(modes, ridge_weights(modes, 0))).view());
    for (Index i = 0; i < rest.size(); ++i) rest.data()[i] = R.data()[i] - rest.data()[i];
    const Matrix<double> left = times(kernel, modes.vectors, true, rest.view());
    off = 0;
    for (Index k = 0; k < left.rows(); ++k) {
        for (Index c = 0; c < left.cols() && modes.counts(at(k)); ++c) off = worse(off, std::abs(left(k, c)));
    }
    errors.zero = off == 0 ? 0 : off / largest_magnitude(R.view());
    return errors;
}

}  // namespace tangram
