#pragma once
// Filters of eigenvalues, n weights each: what regression at a ridge, or training up to a time, takes of each mode.
//
//   ridge lambda' > 0    w_k = 1 / (lambda_k + lambda')
//   ridge 0              w_k = 1 / lambda_k of the modes that count, 0 of the others (minimum norm)
//   time tau'            w_k = -expm1(-lambda_k tau') / lambda_k of the modes that count, 0 of the others

#include "tangram/regression/modes.hpp"
#include "tangram/support/matrix.hpp"

#include <vector>

namespace tangram {

std::vector<double> ridge_weights(const Modes& modes, double lambda);
std::vector<double> time_weights(const Modes& modes, double tau);

/// Weights of ridge 0 where modes that do not count are null: the limit for lambda -> 0, which the scores take.
std::vector<double> limit_weights(const Modes& modes, std::vector<double> weights);

/// lambda_k w_k.
std::vector<double> times_values(const Modes& modes, std::vector<double> weights);

/// w q, (n, C).
Matrix<double> weighted(ConstMatrixView<double> q, const std::vector<double>& weights);

/// Whether K' + lambda' is positive definite, but for rounding.
bool is_definite(const Modes& modes, double lambda);

/// log det (K' + lambda'); NaN where it is singular.
double log_determinant_of(const Modes& modes, double lambda);

}  // namespace tangram
