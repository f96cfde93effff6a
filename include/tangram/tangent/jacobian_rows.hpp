#pragma once
// Rows of the Jacobian for some of the parameters, from features (tangent/panel.hpp) and not by backpropagation of
// their own:
//
//   J[(i, r), (j, k) of W_l] = a_l S_l[i, r, j] X_{l-1}[i, k]        J[(i, r), j of B_l] = b_l S_l[i, r, j]
//
//   (n R, T) for n samples and T parameters; R sensitivities a sample, which are the reduction's, so that
//   J^T J = sum over samples and outputs. Not for reduction full, whose rows of J have no sum to be in.

#include "tangram/tangent/forms.hpp"
#include "tangram/tangent/parameter_blocks.hpp"

#include <vector>

namespace tangram {

/// Parameters next to each other, of one tensor.
struct ParameterRun {
    std::size_t step = 0;   ///< whose tensor it is
    std::size_t which = 0;  ///< of the step's tensors
    EntryRun entries;       ///< of the tensor
    Index column = 0;       ///< of J
};

/// Parameters [first, first + count) as runs.
std::vector<ParameterRun> runs_of_parameters(const std::vector<ParameterBlock>& blocks,
                                             const std::vector<Step>& steps, Index first, Index count);

/// Fills J (m R, T) for samples first .. first + m - 1 of them, computed in float64 and rounded once. `s`: scratch for
/// the widest layer's sensitivities.
template <class T>
void fill_jacobian_rows(const FeatureView& features, const std::vector<Step>& steps, Index first,
                        const std::vector<ParameterRun>& runs, double* s, MatrixView<T> J);

/// Adds the squares of these samples' rows of J to `diagonal` (P): the diagonal of J^T J, which no entry of it exceeds.
///
///   a_l^2 (sum_r S_l o S_l)^T (X_{l-1} o X_{l-1})        b_l^2 sum over i, r of S_l o S_l
void add_squared_jacobian(const FeatureView& features, const std::vector<Step>& steps,
                          const std::vector<ParameterBlock>& blocks, std::vector<double>& diagonal);

}  // namespace tangram
