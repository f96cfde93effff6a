#pragma once
// The forward pass of the finite differences: one sample, float64, with one tensor or all of them moved along u, both ends of a
// step at a time.
//
//   theta_t -> theta_t +- h u,    y -> y +- h dy/dh where a node uses the tensor,    ..,    E f(theta +- h u)
//
// Only what the step moves is computed again: values from the tensor to the output, along every path. What stands still is the
// reference's own forward pass.

#include "operators.hpp"

#include <limits>
#include <optional>

namespace tangram::reference {

inline constexpr double rounding_unit = std::numeric_limits<double>::epsilon();
/// Numbers below this lose digits to underflow when they are multiplied.
inline constexpr double underflow = std::numeric_limits<double>::min() / rounding_unit;

/// A direction of some tensors, and what a step along it moves.
struct Motion {
    const Network& network;
    const SampleGradient& middle;  ///< its values: unperturbed
    std::vector<Direction> u;      ///< [tensor]: of those that stand still, of length 0
    std::vector<bool> moves;       ///< [value]: and leads to the output
    std::vector<Vector>
        rates;  ///< [node]: dy/dh, where the node uses such a tensor and its inputs stand still
};
Motion motion_of(const Network& network, const SampleGradient& middle, std::vector<Direction> u);

/// The two ends of a step that crossed no kink.
struct Ends {
    Matrix<double> outputs;  ///< (2, R): E f(theta + h u), E f(theta - h u)
    /// How far from linear their way was: max over values x that moved of |x+ + x- - 2 x|_max / |x+ - x-|_max.
    double curvature = 0;
};

struct Step {
    std::optional<Ends>
        ends;  ///< nothing as soon as a value crosses a point where its operator is not smooth
    /// How often h is to be quartered before that crossing is gone, if values go straight; deeper ones may come.
    int quarters = 1;
};
Step take_step(const Motion& motion, double h);

/// How far E f may be off at the ends of a step, by rounding alone: each entry of each value v that is computed again is off by
/// some eps |v|, of any sign, and moves E f by its sensitivity times that. An S that is wrong makes this wrong, and the comparison
/// no weaker: noise counts up to a multiple of the tolerance only (finite_difference.hpp).
double rounding_of_outputs(const Motion& motion);

/// max |v|.
double largest_entry(std::span<const double> v);

}  // namespace tangram::reference
