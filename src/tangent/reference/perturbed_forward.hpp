#pragma once
// The forward pass of the finite differences: one sample, float64, once unperturbed and then with one tensor moved
// along u, both ends of a step at a time.
//
//   theta_t -> theta_t +- h u,    y -> y +- h dy/dh where a node uses the tensor,    ..,    f(theta +- h u)
//
// Only what the step moves is computed again: values from the tensor to the output, along every path.

#include "operators.hpp"

#include <functional>
#include <limits>
#include <optional>

namespace tangram::reference {

inline constexpr double rounding_unit = std::numeric_limits<double>::epsilon();
/// Numbers below this lose digits to underflow when they are multiplied.
inline constexpr double underflow = std::numeric_limits<double>::min() / rounding_unit;

/// The unperturbed forward pass of one sample.
struct Middle {
    std::vector<Vector> values;      ///< [value]
    std::vector<Vector> magnitudes;  ///< [node]: see magnitudes()
};
Middle middle_pass(const Network& network, const Vector& x);

/// A direction of one tensor, and what a step along it moves.
struct Motion {
    const Network& network;
    const Middle& middle;
    Index tensor = 0;
    Direction u;
    std::vector<bool> moves;    ///< [value]: and leads to the output
    std::vector<Vector> rates;  ///< [node]: dy/dh, where the node uses the tensor and its inputs stand still
};
Motion motion_of(const Network& network, const Middle& middle, Index tensor, const Direction& u);

/// The two ends of a step that crossed no kink.
struct Ends {
    Matrix<double> outputs;  ///< (2, C): f(theta + h u), f(theta - h u)
    /// How far from linear their way was: max over values x that moved of |x+ + x- - 2 x|_max / |x+ - x-|_max.
    double curvature = 0;
};
/// Nothing as soon as a value crosses a point where its operator is not smooth.
std::optional<Ends> take_step(const Motion& motion, double h);

/// What is differentiated of the outputs (C): functions of them, or, where there are none, the outputs.
using OfOutputs = std::function<Vector(std::span<const double>)>;

/// How far f, or F(f), may be off at the ends of a step, by rounding alone.
double rounding_of_outputs(const Motion& motion, std::uint64_t seed, const OfOutputs& F = {});

/// max |v|.
double largest_entry(std::span<const double> v);

}  // namespace tangram::reference
