#pragma once
// The file of a regression, format "tangram regression", version 1:
//
//   /                 attributes: format, .., status ("complete", "check failed"), kernel_scale, prior, best_by_leave_one_out, ..
//   /targets /prior (N, C)   /test_targets /test_prior (M, C)   /samples (N)   /test_samples (M)
//   /regression       ridge (r)   coefficients, train_predictions, leave_one_out_predictions (r, N, C)   test_predictions (r, M, C)
//                     test_variance (r, M), of full (r, M, C, C)   gcv, log_marginal_likelihood, degrees_of_freedom, residual, modes (r)
//                     {train,leave_one_out,test}_{error,accuracy} (r)
//   /dynamics         times (t)   coefficients, train_predictions (t, N, C)   test_predictions (t, M, C)
//                     {train,test}_{error,accuracy} (t)
//   /attribution      indices, value, negative_indices, negative_value (M, K)   output (M)   sum (M)
//   /checks           attributes; left_out (3), left_out_predictions (3, C)
//   /provenance

#include "tangram/file/derived_file.hpp"
#include "tangram/regression/result.hpp"

#include <string>

namespace tangram {

/// One rank. `provenance`: attributes beside those of every derived file. Throws Error(io).
void write_regression(const std::string& path, const KernelFile& kernel, const Provenance& provenance,
                      const std::vector<Attribute>& more_provenance, const RegressionResult& result);

}  // namespace tangram
