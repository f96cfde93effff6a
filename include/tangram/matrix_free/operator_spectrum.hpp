#pragma once
// The spectrum of a kernel that was never made, and its file, "tangram spectrum", version 1, as spectrum/spectrum_file.hpp has it where
// both have the same:
//
//   /                        attributes: .., matrix_free 1, trace (exact), n_samples, reduction
//   /spectrum/ntk            eigenvalues (K), ascending   eigenvectors (n, K)   residuals (K): |A v - lambda v| / lambda_max
//                            projections, cumulative_power (K, C) where targets were given: of |T_c|^2, from the largest on
//                            attributes: solver, n, trace, stable_rank, residual, orthogonality, products
//   /estimates               ridge (r)   degrees_of_freedom, degrees_of_freedom_half_width, log_determinant, .. (r)
//                            attributes: vectors, steps, seed, squared_norm, squared_norm_half_width, effective_rank
//   /density                 nodes, weights (M, m): of each vector's quadrature, weights sum to 1; NaN behind shorter ones
//   /provenance

#include "tangram/file/kernel_file.hpp"
#include "tangram/file/provenance.hpp"
#include "tangram/matrix_free/estimates.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

struct OperatorSpectrum {
    Index extent = 0;  ///< n
    double trace = 0;
    double seconds = 0;
    Index products = 0;                            ///< of K with a vector
    std::vector<double> values;                    ///< largest first
    std::vector<double> residuals;                 ///< of each, over the largest value
    double orthogonality = 0;                      ///< max |V^T V - 1|
    Matrix<double> vectors;                        ///< (n, K), whole
    Matrix<double> projections, cumulative_power;  ///< (K, C), largest first
    std::string targets_text;                      ///< how they were projected; "" for none
    std::optional<Estimates> estimates;
    std::uint64_t seed = 0;
    bool writes_density = false;
};

/// V^T T and what the first vectors explain of T (n, C).
void project(OperatorSpectrum& spectrum, const Matrix<double>& T);

/// One rank. Throws Error(io).
void write_operator_spectrum(const std::string& path, const KernelFile& described,
                             const Provenance& provenance, const OperatorSpectrum& spectrum);

/// For people.
std::string to_table(const OperatorSpectrum& spectrum);

}  // namespace tangram
