#pragma once
// Will every kernel entry fit the precision? Known from the features alone, before any tile: by Cauchy and
// Schwarz no entry of a Gram matrix, nor any partial sum of it, exceeds the larger of its two diagonal entries,
// which are the squared norms of the samples' features.
//
//   G_ii = |X_i|^2     H_ii = |S_i|^2     K_ii = sum over steps of what their forms make of these
//
// And the kernel of each sample with itself, as a matrix: K_t[i r, i s]. What is multiplied, the form says (tangent/forms.hpp).

#include "tangram/tangent/panel.hpp"
#include "tangram/tangent/steps.hpp"

namespace tangram {

/// Throws WrongNumberError naming layer, sample (counted from `first_sample`) and tensor of the first of the panel's
/// samples whose products or kernel entries are beyond T. `block` holds `samples` samples laid out by `layout`.
/// Work: one reading of the panel.
template <class T>
void require_entries_in_range(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                              Index samples, Index first_sample, T* block);

/// [tensor]: the diagonal blocks of its kernel, (samples, R' R'), R' = R for full and 1 otherwise; of features held in T,
/// computed in float64.
template <class T>
std::vector<Matrix<double>> diagonal_blocks(const Network& network, const Reduction& reduction,
                                            const PanelLayout& layout, Index samples, T* block);

}  // namespace tangram
