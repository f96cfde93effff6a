#pragma once
// The scalar nonlinearities phi and their derivatives phi', by PyTorch's definitions and
// defaults. At a kink phi' is PyTorch's: relu'(0) = 0, leaky_relu'(0) = slope, elu'(0) = alpha; the hard ones are flat at
// their bounds, but hardswish has there the slope of its middle.

#include "tangram/support/matrix.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tangram {

enum class ActivationKind {
    identity,
    relu,
    leaky_relu,  ///< parameter: slope below zero (0.01)
    elu,         ///< parameter: alpha (1)
    selu,
    tanh,
    sigmoid,
    erf,
    gelu,       ///< exact: z Phi(z)
    gelu_tanh,  ///< the tanh approximation, JAX's default gelu
    silu,
    softplus,  ///< parameter: beta (1); linear where beta z > 20, as in PyTorch
    sin,
    relu_normalized,  ///< sqrt(2 pi / (pi - 1)) (relu(z) - 1 / sqrt(2 pi)): zero mean, unit variance under
                      ///< N(0, 1)
    mish,             ///< z tanh(log(1 + e^z))
    softsign,         ///< z / (1 + |z|)
    cos,
    hardtanh,     ///< z between -1 and 1; flat beyond, and at the bounds
    relu6,        ///< z between 0 and 6; flat beyond, and at the bounds
    hardswish,    ///< z (z + 3) / 6 between -3 and 3, 0 below, z above
    hardsigmoid,  ///< (z + 3) / 6 between -3 and 3, 0 below, 1 above
    log_cosh,
    celu,  ///< parameter: alpha (1); z, below zero alpha (e^(z / alpha) - 1)
};

struct Activation {
    ActivationKind kind = ActivationKind::identity;
    double parameter = 0.0;  ///< 0 where the kind has none
    bool operator==(const Activation&) const = default;
};

/// "relu" or "leaky_relu:0.2"; swish, linear, none, gelu_new and gelu_pytorch_tanh are other names of known ones. Throws
/// Error(usage) that lists the known names.
Activation parse_activation(std::string_view text);
/// The text that parse_activation reads back.
std::string to_string(const Activation& activation);
std::vector<std::string> activation_names();

/// Where phi' jumps, ascending.
std::vector<double> kinks(const Activation& activation);
bool has_kink(const Activation& activation);
/// Where phi goes over from one formula to another and is not smooth: its kinks, and where a higher derivative jumps (elu at
/// 0) or phi itself in the ninth digit (softplus), ascending.
std::vector<double> breaks(const Activation& activation);

/// x = scale phi(z) and dx = scale phi'(z), entry by entry; all of the same length.
void activate(const Activation& activation, double scale, std::span<const double> z, std::span<double> x,
              std::span<double> dx);

}  // namespace tangram
