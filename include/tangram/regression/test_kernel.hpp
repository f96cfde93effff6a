#pragma once
// The kernel of M test samples against the training samples, K* (m, n), and what it predicts.
//
//   f* = f0* + K* alpha
//   variance at lambda      D_x - [K* A^-1 K*^T]_xx, D_x the kernel of the test sample with itself: of the latent function of a Gaussian
//                           process with covariance K and noise lambda (Rasmussen and Williams 2006, eq. 2.26), (C, C) for `full`
//   influence of i on x     f(x) - (f without i)(x) = [K* A^-1]_xI e_I, e_I the left-out residual of sample I: exact
//                           (Cook and Weisberg, "Residuals and Influence in Regression", 1982, of a kernel)
//   representer             K*_xI alpha_I, which add up to f(x) - f0(x) (Yeh et al., NeurIPS 2018)

#include "tangram/file/kernel_block_cyclic.hpp"
#include "tangram/regression/ridge_solver.hpp"

#include <optional>
#include <string>

namespace tangram {

struct TestKernel {
    const KernelFile& kernel;
    const TileFile& tiles;
    KernelSum sum;
    const std::optional<Matrix<double>>&
        diagonals;  ///< D (M, unit^2), with the same scale; nothing where they are not known
};

/// Collective over `comm`. Predictions of all fits: (r, M C). `prior`: f0* (M, C).
Matrix<double> predict(const mpi::Communicator& comm, const TestKernel& test,
                       const RegressionProblem& problem, const Fits& fits, const Matrix<double>& prior);

/// Collective. (r, M unit^2). Throws Error(bad_input) at a kernel that is no covariance.
Matrix<double> variances(const mpi::Communicator& comm, const TestKernel& test,
                         const RegressionProblem& problem, const RidgeSolver& solver, const Fits& fits);

struct AttributionOptions {
    Index largest = 0;  ///< K
    bool representer = false;
    Index output = -1;  ///< that is explained; -1: each test sample's largest
};

struct Attribution {
    std::vector<std::int64_t> outputs;            ///< (M): that is explained
    std::vector<std::int64_t> indices, negative;  ///< (M, K): training samples, places among the N
    std::vector<double> values, negative_values;  ///< (M, K): the largest first; the most negative first
    Matrix<double> sums;                          ///< (M, 1): over all training samples
    Index columns = 0;                            ///< K, at most N
};

/// Collective. At ridge k.
Attribution attribute(const mpi::Communicator& comm, const TestKernel& test, const RegressionProblem& problem,
                      const RidgeSolver& solver, const Fits& fits, Index k,
                      const AttributionOptions& options);

}  // namespace tangram
