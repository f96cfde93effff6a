#pragma once
// Is the explicit Jacobian itself right? J u against central differences of a forward pass of their own:
//
//   D(h) = (f(theta + h u) - f(theta - h u)) / 2 h    one parameter tensor, or all, one sample, the R rows followed
//
// - u has entries +-1/sqrt(n) for a tensor of n entries. The signs are a counter-based hash, splitmix64, of
//   seed, tensor, the sample's place in the list and the entry's index: the same everywhere.
// - h goes down a ladder, each step a quarter of the one before, from steps that move the outputs of the nodes that use
//   the tensor by a quarter of their size to those where rounding drowns the difference. Two steps in a row also give
//   the extrapolation (16 D(h) - D(4 h)) / 15, which is free of the h^2 term.
// - A step is rejected when a preactivation crosses, or touches, a point where its activation is not
//   smooth (see has_kink; also 0 of elu, and where softplus goes over to the identity).
// - The error of a step is |D - J u|_max / (scale + noise / tolerance). scale is the size of J u for a
//   typical u, max_r |J_r| / sqrt(n), or that of D if it is larger; noise is the rounding of D(h): what the
//   last bits of the forward pass come to, carried to the outputs by the sensitivities. The ladder ends where noise > 10 tolerance scale.
//
// The error of a tensor and sample is the smallest of its steps: a right J agrees at some step, a wrong one
// at none. They are undecided, not wrong, if no step agrees but none came close to the derivative either:
// units so saturated that J is below the rounding of the outputs, networks so chaotic that no step is both
// small and precise, a preactivation of exactly 0.

#include "tangram/tangent/reference/jacobian.hpp"

#include <cstdint>
#include <span>

namespace tangram {

struct FiniteDifferenceResult {
    double error = 0;          ///< the largest of those decided; J is wrong if it is above the tolerance
    Index worst = -1;          ///< the tensor where it was found; -1: none, or all together
    Index decided = 0;         ///< pairs of tensor and sample that count in `error`
    Index undecided = 0;       ///< pairs that do not
    Index steps_taken = 0;     ///< steps compared or too noisy to compare
    Index steps_rejected = 0;  ///< steps that crossed a kink
};

inline constexpr double finite_difference_tolerance = 1e-6;

/// Tensors first, first + stride, ..
struct EveryFew {
    Index first = 0;
    Index stride = 1;
};

/// Compares the Jacobian that jacobian_block() makes of `samples` with differences of the network's outputs
/// at their inputs, tensor by tensor, of those that `tensors` names. Work a tensor and sample: C n for J u, and a forward pass from the nodes that use
/// the tensor on for each end of each step. Where the rows depend on the outputs, E J against differences of the
/// loss, or whatever they are gradients of: F (R) of tangent/reference/sample_rows.hpp in the place of the outputs.
FiniteDifferenceResult compare_with_finite_differences(const Network& network,
                                                       std::span<const SampleGradient> samples,
                                                       std::uint64_t seed, EveryFew tensors = {});

/// The same for one sample along one direction of all tensors together, each moved by a unit: a single pair, about two forward
/// passes, in which a Jacobian shows that is wrong for any tensor. `worst` stays -1.
FiniteDifferenceResult compare_all_at_once(const Network& network, const SampleGradient& sample,
                                           std::uint64_t seed);

}  // namespace tangram
