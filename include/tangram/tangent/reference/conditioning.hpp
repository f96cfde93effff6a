#pragma once
// How much a network amplifies rounding: what no float64 computation of its kernel can be more exact than.
//
//   amplification = max over nodes where parameters come in of |x'_l - x_l| / |x_l| + |D'_l - D_l| / |D_l|,  in units of rounding,
//
// where x_l is the input of the node (a Parameter has none) and D_l the sensitivity (R, size) of its output, and the primed quantities are those
// of the network's input x (1 + e), each entry off by one unit of float64's rounding. An entry of K[W_l] = (D D^T) o
// (x x^T) then changes by up to twice that, relative to sqrt(K_ii K_jj).

#include "tangram/tangent/reference/jacobian.hpp"

#include <cstdint>

namespace tangram {

/// At least 1; around 1 for a tame network, 1e7 for 8 layers of sin with N(0, 1) weights, 256 wide.
/// Where the rows E depend on the outputs, |E' - E| / |E| counts too: of a loss that has nearly vanished.
double rounding_amplification(const Network& network, const SampleGradient& sample, std::uint64_t seed);

}  // namespace tangram
