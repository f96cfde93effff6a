#pragma once
// What regression gives at each of r ridges, or of t times: one row each, (N, C) or (M, C) numbers in it.
//
//   A = K + lambda      alpha = A^-1 R        f = f0 + K alpha = Y - lambda alpha
//   leave-one-out       f_I = Y_I - ([A^-1]_II)^-1 [A^-1 R]_I, I the rows of one sample: what the regression on all others predicts
//                       for it (Rasmussen and Williams, "Gaussian Processes for Machine Learning", MIT 2006, eq. 5.12)
//   GCV                 (sum |A^-1 R|^2 / n) / (tr A^-1 / n)^2     (Golub, Heath and Wahba, Technometrics 21, 1979; lambda
//                       cancels, so it is defined at 0)
//   degrees of freedom  tr K A^-1 = n - lambda tr A^-1, of one kernel once, not C times
//   log likelihood      -1/2 sum_c R_c^T A^-1 R_c - s/2 log det A - n s/2 log 2 pi, s = columns of R (the same book, eq. 2.30)
//   residual            max |A alpha - R| / (|A|_1 max |alpha| + max |R|)

#include "tangram/regression/problem.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

struct Fits {
    std::vector<double> at;       ///< lambda, or tau; ascending or as given
    Matrix<double> coefficients;  ///< alpha (r, N C)
    Matrix<double> train;         ///< (r, N C)
    Matrix<double> left_out;      ///< (r, N C); empty for times
    Matrix<double> test;          ///< (r, M C); empty without test samples
    Matrix<double> variance;      ///< (r, M unit^2); empty where it is not known
    std::vector<double> gcv, log_likelihood, degrees_of_freedom, residual;
    std::vector<Index> modes;  ///< eigenvalues that count; -1 where none are known
    [[nodiscard]] Index count() const { return static_cast<Index>(at.size()); }
};

/// With room for r fits: every number is NaN.
Fits make_fits(const RegressionProblem& problem, std::vector<double> at, bool of_ridges);

/// Row k of a matrix of fits as (samples, columns).
inline ConstMatrixView<double> fit_of(const Matrix<double>& fits, Index k, Index columns) {
    return {fits.data() + k * fits.cols(), fits.cols() / columns, columns, columns};
}

/// What is known of A'^-1 at one ridge, A' = 2^-e A: GCV, left-out predictions and degrees of freedom are the same of both.
struct InverseFacts {
    int exponent = 0;            ///< e
    Matrix<double> alpha;        ///< A^-1 R (n, sides)
    Matrix<double> blocks;       ///< of A^-1, (N, unit^2); empty where they are not wanted
    double log_determinant = 0;  ///< of A; NaN where it has none
};

/// The residuals of left-out samples, (n, sides): ([A^-1]_II)^-1 [A^-1 R]_I; NaN where a block has no inverse.
Matrix<double> left_out_residuals(const RegressionProblem& problem, const Matrix<double>& alpha,
                                  const Matrix<double>& blocks);

/// Fills in row k: coefficients, left-out predictions, GCV, likelihood, degrees of freedom. `lambda`: of A'.
void add_scores(const RegressionProblem& problem, const InverseFacts& facts, double lambda, Index k,
                Fits& fits);

/// The ridge (its place) with the least of `scores`, NaN left aside; nothing where all are NaN.
std::optional<Index> place_of_least(const std::vector<double>& scores);

}  // namespace tangram
