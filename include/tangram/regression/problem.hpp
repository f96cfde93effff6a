#pragma once
// Kernel regression, as a value: f = f0 + K (K + lambda)^-1 (Y - f0) on the training samples.
//
//   Y, f0 (N, C)      targets and prior
//   K (n, n)          n = N: one kernel for all C columns of R = Y - f0 (n, C)
//                     n = N C, `full`: one column R = vec(Y - f0) (n, 1), row i C + c
//   unit              rows of K a sample: 1, or C
//
// Both have the same numbers in the same order: a row-major (N, C) is a row-major (N C, 1).

#include "tangram/support/matrix.hpp"

namespace tangram {

struct RegressionProblem {
    Index unit = 1;
    Matrix<double> targets;
    Matrix<double> prior;

    [[nodiscard]] Index samples() const { return targets.rows(); }  ///< N
    [[nodiscard]] Index columns() const { return targets.cols(); }  ///< C
    [[nodiscard]] Index rows() const { return samples() * unit; }   ///< n
    [[nodiscard]] Index sides() const { return columns() / unit; }  ///< columns of R
    /// R = Y - f0 (n, sides).
    [[nodiscard]] Matrix<double> residuals() const {
        Matrix<double> R(rows(), sides());
        for (Index k = 0; k < R.size(); ++k) R.data()[k] = targets.data()[k] - prior.data()[k];
        return R;
    }
};

}  // namespace tangram
