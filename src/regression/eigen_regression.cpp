#include "tangram/regression/eigen_regression.hpp"

#include "mode_weights.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/distributed_product.hpp"
#include "tangram/support/error_measures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

namespace tangram {

namespace {

Matrix<double> times(const KernelOnRanks& kernel, const AlignedBuffer<double>& A, bool transpose,
                     ConstMatrixView<double> B) {
    return multiply_columns(kernel.comm, kernel.layout, transpose, A, B);
}

/// blocks += w v v^T on the diagonal: of this rank's rows of one mode.
void add_squares(const CyclicAxis& rows, const double* v, double w, Index unit, Matrix<double>& blocks) {
    for (Index first = 0; first < rows.local_extent(); first += unit) {
        double* block = blocks.view().row(rows.global(first) / unit);
        for (Index a = 0; a < unit; ++a) {
            for (Index b = 0; b < unit; ++b) block[a * unit + b] += w * v[first + a] * v[first + b];
        }
    }
}

/// Collective. The blocks on the diagonal of V w V^T, (N, unit^2), of each of several weights; V is read once for all.
std::vector<Matrix<double>> blocks_of(const KernelOnRanks& kernel, const Modes& modes,
                                      const std::vector<std::vector<double>>& weights, Index unit) {
    const BlockCyclic& layout = kernel.layout;
    const Index rows = layout.rows.local_extent();
    std::vector<Matrix<double>> blocks;
    for (std::size_t f = 0; f < weights.size(); ++f)
        blocks.emplace_back(layout.rows.extent / unit, unit * unit);
    Matrix<double> squares(std::ssize(weights),
                           unit == 1 ? rows : 0);  // where there is one entry a block: in order
    for (Index j = 0; j < layout.cols.local_extent(); ++j) {
        const double* v = modes.vectors.data() + j * rows;
        for (std::size_t f = 0; f < weights.size(); ++f) {
            const double w = weights[f][at(layout.cols.global(j))];
            double* its = squares.view().row(static_cast<Index>(f));
            if (unit != 1) add_squares(layout.rows, v, w, unit, blocks[f]);
            for (Index i = 0; i < squares.cols(); ++i) its[i] += w * v[i] * v[i];
        }
    }
    for (std::size_t f = 0; f < weights.size(); ++f) {
        for (Index i = 0; i < squares.cols(); ++i)
            blocks[f](layout.rows.global(i), 0) = squares(static_cast<Index>(f), i);
        mpi::sum(kernel.comm, {blocks[f].data(), at(blocks[f].size())});
    }
    return blocks;
}

/// Matrices of the same shape side by side.
Matrix<double> side_by_side(const std::vector<Matrix<double>>& parts) {
    const Index rows = parts.front().rows(), cols = parts.front().cols();
    Matrix<double> all(rows, cols * std::ssize(parts));
    for (Index i = 0; i < rows; ++i) {
        double* row = all.view().row(i);
        for (const Matrix<double>& part : parts) row = std::copy_n(part.view().row(i), cols, row);
    }
    return all;
}

std::vector<Matrix<double>> taken_apart(const Matrix<double>& all, Index parts) {
    const Index cols = all.cols() / parts;
    std::vector<Matrix<double>> taken;
    for (Index p = 0; p < parts; ++p) {
        Matrix<double>& part = taken.emplace_back(all.rows(), cols);
        for (Index i = 0; i < all.rows(); ++i)
            std::copy_n(all.view().row(i) + p * cols, cols, part.view().row(i));
    }
    return taken;
}

/// What filters of the modes give, one of each: alpha' = V w q and f - f0 = V Lambda w q. V is read once for all.
struct Filtered {
    std::vector<Matrix<double>> alpha, change;
};

Filtered filtered(const KernelOnRanks& kernel, const Modes& modes, const Matrix<double>& q,
                  const std::vector<std::vector<double>>& weights) {
    std::vector<Matrix<double>> both;
    for (const std::vector<double>& w : weights) both.push_back(weighted(q.view(), w));
    for (const std::vector<double>& w : weights) both.push_back(weighted(q.view(), times_values(modes, w)));
    std::vector<Matrix<double>> products =
        taken_apart(times(kernel, modes.vectors, false, side_by_side(both).view()), std::ssize(both));
    const auto half = products.begin() + std::ssize(weights);
    return {{std::make_move_iterator(products.begin()), std::make_move_iterator(half)},
            {std::make_move_iterator(half), std::make_move_iterator(products.end())}};
}

/// Ridges or times that go together, each with alpha and change.
Index filters_at_once(Index sides) {
    return std::max<Index>(1, filtered_columns / (2 * sides));
}

/// A ridge lambda', and its place among the fits.
struct PlacedRidge {
    Index place = 0;
    double lambda = 0;
};

/// What is known of one ridge before its scores.
struct FittedRidge {
    Matrix<double> alpha, change;
    Matrix<double> product;       ///< K' alpha'
    Matrix<double> scored_alpha;  ///< empty where it is alpha
    Matrix<double> blocks;
};

void set_fit(const Modes& modes, const RegressionProblem& problem, FittedRidge found,
             const PlacedRidge& ridge, Fits& fits) {
    const auto [k, lambda] = ridge;
    InverseFacts facts;
    facts.exponent = modes.facts.exponent;
    facts.log_determinant = log_determinant_of(modes, lambda);
    facts.blocks = std::move(found.blocks);
    const bool is_limit = found.scored_alpha.size() > 0;
    facts.alpha = std::move(is_limit ? found.scored_alpha : found.alpha);
    add_scores(problem, facts, lambda, k, fits);
    const Matrix<double>& alpha = is_limit ? found.alpha : facts.alpha;
    for (Index i = 0; i < alpha.size(); ++i)
        fits.coefficients(k, i) = std::ldexp(alpha.data()[i], -facts.exponent);
    double degrees = 0;
    for (const double share : times_values(modes, ridge_weights(modes, lambda))) degrees += share;
    fits.degrees_of_freedom[at(k)] = degrees;
    fits.modes[at(k)] = lambda == 0 ? modes.above_noise() : static_cast<Index>(modes.values.size());
    const Matrix<double>& change = found.change;
    for (Index i = 0; i < change.size(); ++i) fits.train(k, i) = problem.prior.data()[i] + change.data()[i];
    // K' alpha' + lambda' alpha' against what it should be: R, or, of fewer modes, the part of R that they reach.
    Matrix<double>& product = found.product;
    const Matrix<double> R = problem.residuals();
    for (Index i = 0; i < product.size(); ++i) product.data()[i] += lambda * alpha.data()[i];
    fits.residual[at(k)] = relative_residual(
        product.view(), alpha.view(), lambda == 0 ? change.view() : R.view(), modes.column_norm + lambda);
}

/// Collective. Ridges that go together: their rows of the fits.
void fit_group(const KernelOnRanks& kernel, const Modes& modes, const RegressionProblem& problem,
               const Matrix<double>& q, const std::vector<PlacedRidge>& group, Fits& fits) {
    const bool has_null_modes = modes.above_noise() < std::ssize(modes.values);
    // Scores are those of all modes; predictions of those that count.
    const auto is_limit = [&](const PlacedRidge& ridge) { return ridge.lambda == 0 && has_null_modes; };
    std::vector<std::vector<double>> weights, scored;
    for (const PlacedRidge& ridge : group) {
        weights.push_back(ridge_weights(modes, ridge.lambda));
        scored.push_back(is_limit(ridge) ? limit_weights(modes, weights.back()) : weights.back());
    }
    Filtered found = filtered(kernel, modes, q, weights);
    std::vector<Matrix<double>> products =
        taken_apart(times(kernel, modes.kernel, false, side_by_side(found.alpha).view()), std::ssize(group));
    std::vector<Matrix<double>> blocks = blocks_of(kernel, modes, scored, problem.unit);
    for (std::size_t f = 0; f < group.size(); ++f) {
        FittedRidge fitted{std::move(found.alpha[f]),
                           std::move(found.change[f]),
                           std::move(products[f]),
                           {},
                           std::move(blocks[f])};
        if (is_limit(group[f]))
            fitted.scored_alpha = times(kernel, modes.vectors, false, weighted(q.view(), scored[f]).view());
        set_fit(modes, problem, std::move(fitted), group[f], fits);
    }
}

}  // namespace

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
    std::vector<PlacedRidge> definite;
    for (std::size_t k = 0; k < ridges.size(); ++k) {
        if (ridges[k] > 0 && !is_definite(*modes, ridges[k])) {
            regression.notes.push_back(fmt::format(
                "K + lambda is not positive definite at lambda = {:.3g}, but for rounding: the smallest eigenvalue is {:.3g}: no numbers there",
                lambdas[k], std::ldexp(modes->values.front(), solver.exponent)));
            continue;
        }
        definite.push_back({static_cast<Index>(k), ridges[k]});
        solver.condition = (modes->values.back() + ridges[k]) /
                           std::max(modes->values.front() + ridges[k], std::numeric_limits<double>::min());
    }
    const Index count = std::ssize(definite), together = filters_at_once(q.cols());
    for (Index first = 0; first < count; first += together) {
        const auto begin = definite.begin() + first;
        fit_group(kernel, *modes, problem, q, {begin, begin + std::min(together, count - first)},
                  regression.fits);
    }
    return regression;
}

Fits flow_by_modes(const KernelOnRanks& kernel, const Modes& modes, const RegressionProblem& problem,
                   const std::vector<double>& taus) {
    const blas::BlasThreads threads(kernel.threads);
    Fits fits = make_fits(problem, taus, false);
    const Matrix<double> q = times(kernel, modes.vectors, true, problem.residuals().view());
    const Index count = std::ssize(taus), together = filters_at_once(q.cols());
    for (Index first = 0; first < count; first += together) {
        std::vector<std::vector<double>> weights;
        for (Index t = first; t < std::min(count, first + together); ++t)
            weights.push_back(time_weights(modes, std::ldexp(taus[at(t)], modes.facts.exponent)));
        const Filtered found = filtered(kernel, modes, q, weights);
        for (Index f = 0; f < std::ssize(weights); ++f) {
            const Matrix<double>&alpha = found.alpha[at(f)], &change = found.change[at(f)];
            for (Index i = 0; i < alpha.size(); ++i) {
                fits.coefficients(first + f, i) = std::ldexp(alpha.data()[i], -modes.facts.exponent);
                fits.train(first + f, i) = problem.prior.data()[i] + change.data()[i];
            }
            fits.modes[at(first + f)] = modes.above_noise();
        }
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
