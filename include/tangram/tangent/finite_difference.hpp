#pragma once
// Is the explicit Jacobian itself right? J u against central differences of a forward pass written for this
// purpose alone:
//
//   D(h) = (f(theta + h u) - f(theta - h u)) / 2 h        for one parameter tensor, one sample and all C
//   outputs at a time
//
// - u: entries +-1/sqrt(n) for a tensor of n entries, the signs from a counter-based hash (splitmix64 of the
// seed, the tensor,
//   the sample's place in the list and the entry's index), so that they are the same everywhere.
// - h: a ladder of steps, each a quarter of the one before, from steps that move the tensor's preactivations
// by about a
//   quarter of their size down to where rounding drowns the difference. Two steps in a row also give the
//   extrapolation (16 D(h) - D(4 h)) / 15, which is free of the h^2 term.
// - A step is rejected when a preactivation crosses, or touches, a point where its activation's derivative
// jumps.
// - The error of a step is |D - J u|_max / (scale + noise / tolerance): scale is the size of J u for a
// typical u,
//   max_r |J_r| / sqrt(n), or that of D if it is larger; noise is the rounding of D(h), measured by jittering
//   the forward pass in its last bits. Steps whose noise is beyond ten times the tolerance see nothing and
//   are not used.
//
// A right J agrees at some step of the ladder, a wrong one at none: the error of a tensor and sample is the
// smallest of its steps. They are undecided, not wrong, if no step can be used, or if the differences do not
// settle as h shrinks.

#include "tangram/tangent/jacobian.hpp"

#include <cstdint>
#include <span>

namespace tangram {

struct FiniteDifferenceResult {
    double error = 0;  ///< largest over tensors and samples; above finite_difference_tolerance J is wrong
    ParameterTensor worst;     ///< where it was found
    Index decided = 0;         ///< pairs of tensor and sample that count in `error`
    Index undecided = 0;       ///< pairs that do not
    Index steps_taken = 0;     ///< steps compared or too noisy to compare
    Index steps_rejected = 0;  ///< steps that crossed a kink
};

inline constexpr double finite_difference_tolerance = 1e-6;

/// Compares the Jacobian that jacobian_block() makes of `samples` with differences of the network's outputs
/// at their inputs (activations[0] of each), tensor by tensor. Work a tensor and sample: C n for J u, and a
/// forward pass from that layer on for each end of each step.
FiniteDifferenceResult compare_with_finite_differences(const Network& network,
                                                       std::span<const SampleGradient> samples,
                                                       std::uint64_t seed);

}  // namespace tangram
