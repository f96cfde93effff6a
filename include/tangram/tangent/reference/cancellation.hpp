#pragma once
// How large a gradient was before its terms cancelled, so that what is zero but for rounding can be told from what is small.
//
//   A_i^2 = sum_r ( sum of the |terms| of each entry of J_{i r} )^2      a kernel entry then is known to u^2 A_i A_j,
//
// u some units of float64's rounding, in which features and reference are summed.

#include "tangram/tangent/reference/jacobian.hpp"

#include <limits>

namespace tangram {

/// |values|, and sensitivities of a backward pass in which every term counts with its absolute value: what jacobian_block()
/// makes of it are the entries of J before cancellation. Keeps everything, for one sample at a time.
SampleGradient before_cancellation(const Network& network, const SampleGradient& sample);

/// The same of a reduction: |E|.
Reduction before_cancellation(const Reduction& reduction);

/// u: what a sum is off by, relative to the sum of its absolute values, with room for long sums and many layers.
inline constexpr double rounding_of_sums = 64 * std::numeric_limits<double>::epsilon();

}  // namespace tangram
