#include "tangram/regression/fits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace tangram {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Matrix<double> filled(Index rows, Index cols) {
    Matrix<double> matrix(rows, cols);
    std::fill_n(matrix.data(), matrix.size(), nan);
    return matrix;
}

/// x (m, s) <- B^-1 x for a symmetric positive definite B (m, m), by its Cholesky factor; all NaN where there is none.
void solve_block(const double* B, Index m, double* x, Index s) {
    Matrix<double> L(m, m);
    bool is_definite = true;
    for (Index j = 0; j < m; ++j) {
        for (Index i = j; i < m; ++i) {
            double sum = B[i * m + j];
            for (Index k = 0; k < j; ++k) sum -= L(i, k) * L(j, k);
            if (i == j) is_definite = is_definite && sum > 0;
            L(i, j) = i == j ? std::sqrt(sum) : sum / L(j, j);
        }
    }
    if (!is_definite) {
        std::fill_n(x, m * s, nan);
        return;
    }
    for (Index c = 0; c < s; ++c) {
        for (Index i = 0; i < m; ++i) {
            for (Index k = 0; k < i; ++k) x[i * s + c] -= L(i, k) * x[k * s + c];
            x[i * s + c] /= L(i, i);
        }
        for (Index i = m - 1; i >= 0; --i) {
            for (Index k = i + 1; k < m; ++k) x[i * s + c] -= L(k, i) * x[k * s + c];
            x[i * s + c] /= L(i, i);
        }
    }
}

double trace_of(const Matrix<double>& blocks, Index unit) {
    double trace = 0;
    for (Index i = 0; i < blocks.rows(); ++i) {
        for (Index c = 0; c < unit; ++c) trace += blocks(i, c * unit + c);
    }
    return trace;
}

}  // namespace

Fits make_fits(const RegressionProblem& problem, std::vector<double> at, bool of_ridges) {
    Fits fits;
    const auto r = static_cast<Index>(at.size());
    const Index size = problem.targets.size();
    const std::vector<double> unknown(at.size(), nan);
    fits.at = std::move(at);
    fits.coefficients = filled(r, size);
    fits.train = filled(r, size);
    if (of_ridges) fits.left_out = filled(r, size);
    fits.gcv = fits.log_likelihood = fits.degrees_of_freedom = fits.residual = unknown;
    fits.modes.assign(fits.at.size(), -1);
    return fits;
}

Matrix<double> left_out_residuals(const RegressionProblem& problem, const Matrix<double>& alpha,
                                  const Matrix<double>& blocks) {
    const Index unit = problem.unit;
    Matrix<double> e(alpha.rows(), alpha.cols());
    std::copy_n(alpha.data(), alpha.size(), e.data());
    for (Index i = 0; i < problem.samples(); ++i)
        solve_block(blocks.view().row(i), unit, e.view().row(i * unit), e.cols());
    return e;
}

void add_scores(const RegressionProblem& problem, const InverseFacts& facts, double lambda, Index k,
                Fits& fits) {
    const Matrix<double> R = problem.residuals();
    const auto n = static_cast<double>(problem.rows());
    const auto sides = static_cast<double>(problem.sides());
    double quadratic = 0;  // sum_c R_c^T A^-1 R_c
    double squares = 0;    // |A^-1 R|^2
    for (Index i = 0; i < R.size(); ++i) {
        quadratic += R.data()[i] * facts.alpha.data()[i];
        squares += facts.alpha.data()[i] * facts.alpha.data()[i];
    }
    for (Index i = 0; i < R.size(); ++i)
        fits.coefficients(k, i) = std::ldexp(facts.alpha.data()[i], -facts.exponent);
    const double log_determinant = facts.log_determinant + n * facts.exponent * std::numbers::ln2;
    fits.log_likelihood[at(k)] = -0.5 * std::ldexp(quadratic, -facts.exponent) -
                                 0.5 * sides * log_determinant -
                                 0.5 * n * sides * std::log(2 * std::numbers::pi);
    if (facts.blocks.size() == 0) return;
    const double trace = trace_of(facts.blocks, problem.unit);
    fits.gcv[at(k)] = squares / n / (trace / n * (trace / n));
    fits.degrees_of_freedom[at(k)] = n - lambda * trace;
    const Matrix<double> e = left_out_residuals(problem, facts.alpha, facts.blocks);
    for (Index i = 0; i < e.size(); ++i) fits.left_out(k, i) = problem.targets.data()[i] - e.data()[i];
}

std::optional<Index> place_of_least(const std::vector<double>& scores) {
    std::optional<Index> best;
    for (std::size_t k = 0; k < scores.size(); ++k) {
        if (std::isnan(scores[k])) continue;
        if (!best || scores[k] < scores[at(*best)]) best = static_cast<Index>(k);
    }
    return best;
}

}  // namespace tangram
