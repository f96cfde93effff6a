#pragma once
// The Jacobian of one step's tensors as an operator, from features and never as a matrix, in float64. For rows (i, r) with r
// in [first, first + m) of n samples:
//
//   J^T y   D[i, .] = sum_r y[i, r] S[i, r, .]       (J^T y)[W] = a D^T X          (J^T y)[B] = b sum_i D[i, .]
//   J u     y[i, r] = S[i, r, .] . (a X U^T)[i, .]  for a weight U,  S[i, r, .] . b u  for a bias
//
// Work: O(n d_in d_out) by gemm on the BLAS threads that are set, and O(n m d_out).

#include "tangram/tangent/forms.hpp"

#include <vector>

namespace tangram {

/// Adds J^T y to `out`.   y (n, m)
void add_transposed_action(const FeatureView& features, const Step& step, Index first,
                           ConstMatrixView<double> y, const StepParameters& out);

/// Adds (J u)[i, r] of the step's tensors to y[k], one (n, m) a tensor, in the order of its tensors.
void add_action(const FeatureView& features, const Step& step, Index first, const StepParameters& u,
                std::vector<Matrix<double>>& y);

/// sum over i, r of |J[(i, r), .]|^2 of the step's tensors: what they add to the trace of J J^T.
double squared_size(const FeatureView& features, const Step& step);

}  // namespace tangram
