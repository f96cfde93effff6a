#pragma once
// Rows of the Jacobian for some of the parameters, from features (tangent/panel.hpp) and not by backpropagation of
// their own:
//
//   J[(i, r), (j, k) of W_l] = a_l S_l[i, r, j] X_{l-1}[i, k]        J[(i, r), j of B_l] = b_l S_l[i, r, j]
//
//   (n R, T) for n samples and T parameters; R sensitivities a sample, which are the reduction's, so that
//   J^T J = sum over samples and outputs. Not for reduction full, whose rows of J have no sum to be in.

#include "tangram/tangent/panel.hpp"
#include "tangram/tangent/parameter_blocks.hpp"

#include <vector>

namespace tangram {

/// Parameters next to each other that share a unit (of a weight) or a tensor (a bias).
struct ParameterRun {
    Index layer = 0;
    bool is_bias = false;
    Index unit = 0;    ///< j; of a bias the first
    Index input = 0;   ///< k of the first; 0 for a bias
    Index length = 0;  ///< how many
    Index column = 0;  ///< of J
};

/// Parameters [first, first + count) as runs.
std::vector<ParameterRun> runs_of_parameters(const std::vector<ParameterBlock>& blocks, Index first,
                                             Index count);

/// Features of n samples, as fill_jacobian_rows() takes them.
struct FeatureView {
    const Network& network;
    const Reduction& reduction;
    const PanelLayout& layout;
    double* block = nullptr;
    Index samples = 0;  ///< n

    /// Sensitivities S_l[i, r, .] (d_l) into `s`; of a linear output they are c_L E.
    void copy_sensitivity(Index layer, Index i, Index r, double* s) const;
};

/// Fills J (m R, T) for samples first .. first + m - 1 of them, computed in float64 and rounded once. `s`: scratch for
/// the widest layer's sensitivities.
template <class T>
void fill_jacobian_rows(const FeatureView& features, Index first, const std::vector<ParameterRun>& runs,
                        double* s, MatrixView<T> J);

/// Adds the squares of these samples' rows of J to `diagonal` (P): the diagonal of J^T J, which no entry of it exceeds.
///
///   a_l^2 (sum_r S_l o S_l)^T (X_{l-1} o X_{l-1})        b_l^2 sum over i, r of S_l o S_l
void add_squared_jacobian(const FeatureView& features, const std::vector<ParameterBlock>& blocks,
                          std::vector<double>& diagonal);

}  // namespace tangram
