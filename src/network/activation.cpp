#include "tangram/network/activation.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace tangram {

namespace {

// The constants of selu, as Klambauer et al. (2017) fix them.
constexpr double selu_alpha = 1.6732632423543772848170429916717;
constexpr double selu_lambda = 1.0507009873554804934193349852946;
// relu(z) of a standard normal z has mean 1/sqrt(2 pi) and variance (pi - 1) / (2 pi).
constexpr double relu_mean = std::numbers::inv_sqrtpi / std::numbers::sqrt2;

struct Value {
    double x;
    double dx;
};

/// The logistic function and its derivative, neither of which overflows or cancels: with q = exp(-|z|),
/// sigma(-|z|) = q / (1 + q) and sigma' = q / (1 + q)^2.
Value logistic(double z) {
    const double q = std::exp(-std::abs(z));
    const double p = 1.0 / (1.0 + q);
    return {z < 0 ? q * p : p, q * p * p};
}

/// A NaN stays one, so that it is found where values are checked.
Value relu(double z) {
    return {z < 0 ? 0.0 : z, z > 0 ? 1.0 : 0.0};
}

Value leaky_relu(double z, double slope) {
    return {z > 0 ? z : slope * z, z > 0 ? 1.0 : slope};
}

Value elu(double z, double alpha) {
    return z > 0 ? Value{z, 1.0} : Value{alpha * std::expm1(z), alpha * std::exp(z)};
}

Value hyperbolic_tangent(double z) {
    // 1 - tanh^2 cancels in the tails; the square of sech = 2 q / (1 + q^2) with q = exp(-|z|) does not.
    const double q = std::exp(-std::abs(z));
    const double sech = 2.0 * q / (1.0 + q * q);
    return {std::tanh(z), sech * sech};
}

Value gelu(double z) {
    constexpr double inv_sqrt2 = 1.0 / std::numbers::sqrt2;
    const double cumulative = 0.5 * std::erfc(-z * inv_sqrt2);
    const double density =
        relu_mean * std::exp(-0.5 * z * z);  // 1/sqrt(2 pi) is also the normal density at 0
    return {z * cumulative, cumulative + z * density};
}

Value gelu_tanh(double z) {
    // (1 + tanh u) / 2 = sigma(2 u), u = sqrt(2/pi) (z + 0.044715 z^3). Beyond +-100 sigma' is 0 in double
    // precision; the cube must not overflow there, or 0 * inf would make a NaN.
    constexpr double slope = 2.0 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
    constexpr double cubic = 0.044715;
    const double near = std::clamp(z, -100.0, 100.0);
    const Value gate = logistic(slope * near * (1.0 + cubic * near * near));
    return {z * gate.x, gate.x + z * gate.dx * slope * (1.0 + 3.0 * cubic * near * near)};
}

Value softplus(double z, double beta) {
    if (beta * z > 20.0) return {z, 1.0};
    return {std::log1p(std::exp(beta * z)) / beta, logistic(beta * z).x};
}

Value mish(double z) {
    // t = tanh(log(1 + e)), e = e^z, is (e^2 + 2 e) / (e^2 + 2 e + 2); 1 - t without cancelling, and e^-z where e overflows.
    const double q = std::exp(-std::abs(z));
    const double divisor = z > 0 ? 1 + 2 * q + 2 * q * q : q * q + 2 * q + 2;
    const double t = (z > 0 ? 1 + 2 * q : q * q + 2 * q) / divisor;
    const double rest = (z > 0 ? 2 * q * q : 2) / divisor;
    return {z * t, t + z * logistic(z).x * rest * (1 + t)};
}

Value softsign(double z) {
    const double p = 1 / (1 + std::abs(z));
    return {z * p, p * p};
}

/// z between two bounds, flat outside and at them.
Value clamp(double z, double low, double high) {
    return {z <= low ? low : z >= high ? high : z, z > low && z < high ? 1.0 : 0.0};
}

Value hardswish(double z) {
    if (z < -3) return {0, 0};
    return z <= 3 ? Value{z * (z + 3) / 6, z / 3 + 0.5} : Value{z, z > 3 ? 1.0 : z};
}

Value hardsigmoid(double z) {
    const Value inside = clamp(z, -3, 3);
    return {(inside.x + 3) / 6, inside.dx / 6};
}

Value log_cosh(double z) {
    const double distance = std::abs(z);
    const double half =
        std::sinh(0.5 * std::min(distance, 1.0));  // cosh z = 1 + 2 sinh^2(z / 2) keeps small z's digits
    const double x = distance < 1 ? std::log1p(2 * half * half)
                                  : distance + std::log1p(std::exp(-2 * distance)) - std::numbers::ln2;
    return {std::isnan(z) ? z : x, std::tanh(z)};
}

Value celu(double z, double alpha) {
    return z > 0 ? Value{z, 1.0} : Value{alpha * std::expm1(z / alpha), std::exp(z / alpha)};
}

template <class Phi>
void apply(double scale, std::span<const double> z, std::span<double> x, std::span<double> dx, Phi phi) {
    for (std::size_t i = 0; i < z.size(); ++i) {
        const Value value = phi(z[i]);
        x[i] = scale * value.x;
        dx[i] = scale * value.dx;
    }
}

}  // namespace

std::vector<double> kinks(const Activation& activation) {
    switch (activation.kind) {
        case ActivationKind::relu:
        case ActivationKind::relu_normalized:
        case ActivationKind::selu:
            return {0};
        case ActivationKind::leaky_relu:
        case ActivationKind::elu:
            return activation.parameter != 1.0 ? std::vector<double>{0} : std::vector<double>{};
        case ActivationKind::hardtanh:
            return {-1, 1};
        case ActivationKind::relu6:
            return {0, 6};
        case ActivationKind::hardswish:
        case ActivationKind::hardsigmoid:
            return {-3, 3};
        default:
            return {};
    }
}

bool has_kink(const Activation& activation) {
    return !kinks(activation).empty();
}

std::vector<double> breaks(const Activation& activation) {
    switch (activation.kind) {
        case ActivationKind::elu:
        case ActivationKind::celu:
        case ActivationKind::softsign:
            return {0};
        case ActivationKind::softplus:
            return {20 / activation.parameter};
        default:
            return kinks(activation);
    }
}

void activate(const Activation& activation, double scale, std::span<const double> z, std::span<double> x,
              std::span<double> dx) {
    assert(x.size() == z.size() && dx.size() == z.size());
    const double parameter = activation.parameter;
    switch (activation.kind) {
        case ActivationKind::identity:
            return apply(scale, z, x, dx, [](double t) { return Value{t, 1.0}; });
        case ActivationKind::relu:
            return apply(scale, z, x, dx, relu);
        case ActivationKind::leaky_relu:
            return apply(scale, z, x, dx, [=](double t) { return leaky_relu(t, parameter); });
        case ActivationKind::elu:
            return apply(scale, z, x, dx, [=](double t) { return elu(t, parameter); });
        case ActivationKind::selu:
            return apply(scale * selu_lambda, z, x, dx, [](double t) { return elu(t, selu_alpha); });
        case ActivationKind::tanh:
            return apply(scale, z, x, dx, hyperbolic_tangent);
        case ActivationKind::sigmoid:
            return apply(scale, z, x, dx, logistic);
        case ActivationKind::erf:
            return apply(scale, z, x, dx, [](double t) {
                return Value{std::erf(t), 2.0 * std::numbers::inv_sqrtpi * std::exp(-t * t)};
            });
        case ActivationKind::gelu:
            return apply(scale, z, x, dx, gelu);
        case ActivationKind::gelu_tanh:
            return apply(scale, z, x, dx, gelu_tanh);
        case ActivationKind::silu:
            return apply(scale, z, x, dx, [](double t) {
                const Value gate = logistic(t);
                return Value{t * gate.x, gate.x + t * gate.dx};
            });
        case ActivationKind::softplus:
            return apply(scale, z, x, dx, [=](double t) { return softplus(t, parameter); });
        case ActivationKind::sin:
            return apply(scale, z, x, dx, [](double t) { return Value{std::sin(t), std::cos(t)}; });
        case ActivationKind::relu_normalized:
            return apply(scale * std::sqrt(2.0 * std::numbers::pi / (std::numbers::pi - 1.0)), z, x, dx,
                         [](double t) {
                             const Value rectified = relu(t);
                             return Value{rectified.x - relu_mean, rectified.dx};
                         });
        case ActivationKind::mish:
            return apply(scale, z, x, dx, mish);
        case ActivationKind::softsign:
            return apply(scale, z, x, dx, softsign);
        case ActivationKind::cos:
            return apply(scale, z, x, dx, [](double t) { return Value{std::cos(t), -std::sin(t)}; });
        case ActivationKind::hardtanh:
            return apply(scale, z, x, dx, [](double t) { return clamp(t, -1, 1); });
        case ActivationKind::relu6:
            return apply(scale, z, x, dx, [](double t) { return clamp(t, 0, 6); });
        case ActivationKind::hardswish:
            return apply(scale, z, x, dx, hardswish);
        case ActivationKind::hardsigmoid:
            return apply(scale, z, x, dx, hardsigmoid);
        case ActivationKind::log_cosh:
            return apply(scale, z, x, dx, log_cosh);
        case ActivationKind::celu:
            return apply(scale, z, x, dx, [=](double t) { return celu(t, parameter); });
    }
}

}  // namespace tangram
