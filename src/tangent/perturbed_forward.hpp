#pragma once
// The forward pass of the finite differences: one sample, float64, once unperturbed and then from a moved z_l
// on, both ends of a step at a time.
//
//   z_l -> z_l +- h dz_l/dh,    x_m = c_m phi_m(z_m),    z_{m+1} = a W x_m + b B,    ..,    x_L = f(theta +- h u)

#include "tangram/tangent/jacobian.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace tangram {

using Vector = std::vector<double>;

inline constexpr double rounding_unit = std::numeric_limits<double>::epsilon();
/// Numbers below this lose digits to underflow when they are multiplied.
inline constexpr double underflow = std::numeric_limits<double>::min() / rounding_unit;

/// The unperturbed forward pass of one sample.
struct Middle {
    std::vector<Vector> activations;     ///< [l]: x_l, l = 0..L
    std::vector<Vector> preactivations;  ///< [l-1]: z_l
    std::vector<Vector>
        magnitudes;  ///< [l-1]: |a| |W| |x| + |b B|: eps times it is what z_l loses to rounding
};
Middle forward(const Network& network, Vector x);

/// The two ends of a step: z_l at first, the outputs at last.
struct Ends {
    Vector plus, minus;
};

/// Takes both ends from z_l of `layer` (0..L-1) to the outputs. Returns how far from linear their way was,
/// max over layers of |x+ + x- - 2 x|_max / |x+ - x-|_max, or nothing as soon as a unit crosses a point where
/// its phi is not smooth.
std::optional<double> propagate(const Network& network, const Middle& middle, Index layer, Ends& ends);

/// How far f may be off at the ends of a step that starts at `layer`, by rounding alone.
double rounding_of_outputs(const Network& network, const Middle& middle, Index layer, std::uint64_t seed);

/// max |v|.
double largest_entry(const Vector& v);

}  // namespace tangram
