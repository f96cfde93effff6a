#pragma once
// The eigendecomposition of a kernel that regression goes by, K' = 2^-e K = V Lambda V^T, n x n: from ELPA, ScaLAPACK or LAPACK (4/3 to
// 9 n^3 operations), or from a spectrum file. Vectors and K' are dealt out in blocks (block_cyclic.hpp), values are whole on every rank.

#include "tangram/regression/ridge_solver.hpp"
#include "tangram/support/judged_solver.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

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

}  // namespace tangram
