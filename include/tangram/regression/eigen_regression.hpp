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

#include "tangram/regression/ridge_solver.hpp"
#include "tangram/support/judged_solver.hpp"

#include <memory>
#include <optional>

namespace tangram {

/// The eigendecomposition of K', and K' itself.
struct Modes {
    std::vector<double> values;  ///< lambda' (n), ascending
    AlignedBuffer<double> vectors;
    AlignedBuffer<double> kernel;
    MatrixFacts facts;
    double noise = 0;        ///< of storage
    double column_norm = 0;  ///< |K'|_1
    std::string solver;
    double seconds = 0;
    [[nodiscard]] bool counts(std::size_t k) const { return values[k] > noise; }
    [[nodiscard]] Index above_noise() const;
};

/// Collective over the kernel's ranks. Throws Error(check_failed) where the solver's pairs are not good.
std::shared_ptr<const Modes> find_modes(const KernelOnRanks& kernel);

/// The same from values and vectors that are there: those of K = factor * (what they are of). `read`: this rank's part of the
/// vectors.
std::shared_ptr<const Modes> modes_from(const KernelOnRanks& kernel, std::vector<double> values,
                                        double factor,
                                        const std::function<void(AlignedBuffer<double>&)>& read);

/// 41 ridges, log-spaced from max(storage noise, 1e-10 lambda_max) to lambda_max; of a kernel that is zero, the ridge 1.
std::vector<double> automatic_ridges(const Modes& modes);

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
