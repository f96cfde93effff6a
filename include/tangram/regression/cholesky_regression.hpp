#pragma once
// Kernel regression at one ridge, by Cholesky with one step of refinement: n^3 / 3 multiplications and additions; the scores that
// take the diagonal of A^-1, as many again.

#include "tangram/regression/ridge_solver.hpp"

namespace tangram {

/// Collective over the kernel's ranks. `lambda` > 0. Throws Error(bad_input) where K + lambda is not positive definite: with the
/// smallest eigenvalue, the storage noise, and a lambda that will do.
Regression regress_by_cholesky(const KernelOnRanks& kernel, const RegressionProblem& problem, double lambda,
                               Scores scores);

}  // namespace tangram
