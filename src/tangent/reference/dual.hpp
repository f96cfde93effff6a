#pragma once
// Dual numbers: value + slope * epsilon with epsilon^2 = 0. A function written once for Dual carries its
// exact derivative along, so that the reference has no formula for phi' that could be wrong together with
// phi's.

#include <cmath>
#include <numbers>

namespace tangram {

struct Dual {
    double value = 0;
    double slope = 0;
};

/// f(z) from f(z.value) and f'(z.value). Where f is flat the result is flat, even if z has overflowed (0 *
/// inf).
inline Dual chain(Dual z, double value, double derivative) {
    return {value, derivative == 0 ? 0.0 : derivative * z.slope};
}

inline Dual operator+(Dual x, Dual y) {
    return {x.value + y.value, x.slope + y.slope};
}
inline Dual operator-(Dual x, Dual y) {
    return {x.value - y.value, x.slope - y.slope};
}
inline Dual operator*(Dual x, Dual y) {
    return {x.value * y.value, x.slope * y.value + x.value * y.slope};
}
inline Dual operator*(double a, Dual x) {
    return {a * x.value, a * x.slope};
}
inline Dual operator+(double a, Dual x) {
    return {a + x.value, x.slope};
}
inline Dual operator-(Dual x) {
    return {-x.value, -x.slope};
}
inline Dual reciprocal(Dual x) {
    return chain(x, 1 / x.value, -1 / (x.value * x.value));
}

/// 0 at 0.
inline Dual abs(Dual z) {
    return chain(z, std::abs(z.value), (z.value > 0 ? 1 : 0) - (z.value < 0 ? 1 : 0));
}
inline Dual sqrt(Dual z) {
    const double root = std::sqrt(z.value);
    return chain(z, root, 0.5 / root);
}
/// z^a
inline Dual power(Dual z, double a) {
    return chain(z, std::pow(z.value, a), a == 0 ? 0 : a * std::pow(z.value, a - 1));
}

inline Dual exp(Dual z) {
    const double e = std::exp(z.value);
    return chain(z, e, e);
}
inline Dual expm1(Dual z) {
    return chain(z, std::expm1(z.value), std::exp(z.value));
}
inline Dual log(Dual z) {
    return chain(z, std::log(z.value), 1 / z.value);
}
inline Dual log1p(Dual z) {
    return chain(z, std::log1p(z.value), 1 / (1 + z.value));
}
inline Dual cos(Dual z) {
    return chain(z, std::cos(z.value), -std::sin(z.value));
}
inline Dual sin(Dual z) {
    return chain(z, std::sin(z.value), std::cos(z.value));
}
inline Dual tanh(Dual z) {
    const double c = std::cosh(z.value);  // 1 / cosh^2 keeps its digits where 1 - tanh^2 has none left
    return chain(z, std::tanh(z.value), 1 / c / c);
}
inline Dual erf(Dual z) {
    return chain(z, std::erf(z.value), 2 * std::numbers::inv_sqrtpi * std::exp(-z.value * z.value));
}
inline Dual erfc(Dual z) {
    return chain(z, std::erfc(z.value), -2 * std::numbers::inv_sqrtpi * std::exp(-z.value * z.value));
}

}  // namespace tangram
