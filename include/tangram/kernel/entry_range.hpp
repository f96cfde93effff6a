#pragma once
// Will every kernel entry fit the precision? Known from the features alone, before any tile: by Cauchy and
// Schwarz no entry of a Gram matrix, nor any partial sum of it, exceeds the larger of its two diagonal entries,
// which are the squared norms of the samples' features.
//
//   G_ii = |X_{l-1, i}|^2     H_ii = |S_{l, i}|^2     K_ii = sum over l of a_l^2 G_ii H_ii + b_l^2 H_ii

#include "tangram/model/network.hpp"
#include "tangram/tangent/panel.hpp"
#include "tangram/tangent/reduction.hpp"

namespace tangram {

/// Throws WrongNumberError naming layer, sample (counted from `first_sample`) and tensor of the first of the panel's
/// samples whose products or kernel entries are beyond T. `block` holds `samples` samples laid out by `layout`.
/// Work: one reading of the panel.
void require_entries_in_range(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                              Index samples, Index first_sample, float* block);
void require_entries_in_range(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                              Index samples, Index first_sample, double* block);

}  // namespace tangram
