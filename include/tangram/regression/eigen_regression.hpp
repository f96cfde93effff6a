#pragma once
// Kernel regression at any number of ridges, and along gradient flow, by the eigendecomposition K' = V Lambda V^T: once about 4/3
// to 9 n^3 operations, then O(n^2 C / P) a ridge or a time.
//
//   q = V^T R      alpha' = V (w q)      f = f0 + V (Lambda w q)      [A'^-1]_II = [V w V^T]_II
//
//   ridge > 0     w_k = 1 / (lambda_k + lambda')
//   ridge 0       w_k = 1 / lambda_k of modes above the storage noise, 0 of the others: minimum norm. Scores are limits for
//                 lambda -> 0, in which the others are null
//   time tau'     w_k = -expm1(-lambda_k tau') / lambda_k of modes above the storage noise, 0 of the others: df/dtau = -K (f - Y)
//                 from f0 (Jacot, Gabriel and Hongler, NeurIPS 2018, section 5; Lee et al., NeurIPS 2019, eqs. 10 and 11)

#include "tangram/regression/modes.hpp"
#include "tangram/regression/ridge_solver.hpp"

#include <memory>

namespace tangram {

/// Ridges, or times, go together through one product as long as it has no more columns than these: a matrix is read once for all of them.
inline constexpr Index filtered_columns = 128;

/// Collective.
Regression regress_by_modes(const KernelOnRanks& kernel, const std::shared_ptr<const Modes>& modes,
                            const RegressionProblem& problem, const std::vector<double>& lambdas);

/// Collective. Coefficients and training predictions at times tau, which may be infinite.
Fits flow_by_modes(const KernelOnRanks& kernel, const Modes& modes, const RegressionProblem& problem,
                   const std::vector<double>& times);

/// How far predictions are from their limits: |lambda (f - f0) - K R| / |K R| at a lambda far above all eigenvalues, and what is
/// left of R on modes above the noise at lambda = 0, of |R|; largest entries.
struct LimitErrors {
    double infinity = 0;
    double zero = 0;
};
/// Collective.
LimitErrors check_limits(const KernelOnRanks& kernel, const Modes& modes, const RegressionProblem& problem);

}  // namespace tangram
