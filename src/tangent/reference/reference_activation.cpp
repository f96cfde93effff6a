// The activations once more, for the reference alone: each phi is written for dual numbers,
// and phi' follows. Branches are taken on the side that gives PyTorch's derivative at the kink.

#include "dual.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <numbers>

namespace tangram {

namespace {

Dual sigmoid(Dual z) {  // the form whose exponential cannot overflow
    if (z.value >= 0) return reciprocal(1.0 + exp(-z));
    const Dual e = exp(z);
    return e * reciprocal(1.0 + e);
}

Dual relu(Dual z) {
    return z.value <= 0 ? Dual{} : z;
}

Dual selu(Dual z) {
    constexpr double alpha = 1.6732632423543772848170429916717;
    constexpr double scale = 1.0507009873554804934193349852946;
    return z.value > 0 ? scale * z : scale * alpha * expm1(z);
}

Dual gelu(Dual z) {
    return 0.5 * (z * erfc(-(1 / std::numbers::sqrt2) * z));
}

Dual gelu_tanh(Dual z) {  // (1 + tanh u) / 2 = sigmoid(2 u)
    const double root = std::sqrt(2 / std::numbers::pi);
    return z * sigmoid(2 * root * (z + 0.044715 * (z * z * z)));
}

Dual softplus(Dual z, double beta) {
    return beta * z.value > 20 ? z : (1 / beta) * log1p(exp(beta * z));
}

Dual relu_normalized(
    Dual z) {  // E relu(z) = 1 / sqrt(2 pi) and Var relu(z) = (pi - 1) / (2 pi) for z ~ N(0, 1)
    const double mean = 1 / std::sqrt(2 * std::numbers::pi);
    const double deviation = std::sqrt((std::numbers::pi - 1) / (2 * std::numbers::pi));
    return (1 / deviation) * (-mean + relu(z));
}

/// z between two bounds; constant outside and at them.
Dual between(double low, double high, Dual z) {
    if (z.value <= low) return {low, 0};
    return z.value >= high ? Dual{high, 0} : z;
}

Dual hardswish(Dual z) {
    if (z.value < -3) return {};
    return z.value > 3 ? z : (1.0 / 6) * (z * (3 + z));
}

Dual log_cosh(Dual z) {
    if (std::abs(z.value) < 1) return -0.5 * log1p(-(tanh(z) * tanh(z)));  // cosh^2 = 1 / (1 - tanh^2)
    const Dual distance = z.value < 0 ? -z : z;
    return -std::numbers::ln2 + (distance + log1p(exp(-2 * distance)));
}

Dual phi(const Activation& activation, Dual z) {
    const double parameter = activation.parameter;
    switch (activation.kind) {
        case ActivationKind::identity:
            return z;
        case ActivationKind::relu:
            return relu(z);
        case ActivationKind::leaky_relu:
            return z.value > 0 ? z : parameter * z;
        case ActivationKind::elu:
            return z.value > 0 ? z : parameter * expm1(z);
        case ActivationKind::selu:
            return selu(z);
        case ActivationKind::tanh:
            return tanh(z);
        case ActivationKind::sigmoid:
            return sigmoid(z);
        case ActivationKind::erf:
            return erf(z);
        case ActivationKind::gelu:
            return gelu(z);
        case ActivationKind::gelu_tanh:
            return gelu_tanh(z);
        case ActivationKind::silu:
            return z * sigmoid(z);
        case ActivationKind::softplus:
            return softplus(z, parameter);
        case ActivationKind::sin:
            return sin(z);
        case ActivationKind::relu_normalized:
            return relu_normalized(z);
        case ActivationKind::mish:
            return z * tanh(softplus(z, 1));
        case ActivationKind::softsign:
            return z * reciprocal(1.0 + (z.value < 0 ? -z : z));
        case ActivationKind::cos:
            return cos(z);
        case ActivationKind::hardtanh:
            return between(-1, 1, z);
        case ActivationKind::relu6:
            return between(0, 6, z);
        case ActivationKind::hardswish:
            return hardswish(z);
        case ActivationKind::hardsigmoid:
            return (1.0 / 6) * (3 + between(-3, 3, z));
        case ActivationKind::log_cosh:
            return log_cosh(z);
        case ActivationKind::celu:
            return z.value > 0 ? z : parameter * expm1((1 / parameter) * z);
    }
    return z;
}

}  // namespace

DualValue reference_activation(const Activation& activation, double z) {
    const Dual x = phi(activation, Dual{z, 1});
    return {x.value, x.slope};
}

}  // namespace tangram
