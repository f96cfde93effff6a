#include "function_value.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::onnx_file {

namespace {

/// Circular and hyperbolic functions, their inverses, and what jumps.
double other_value_of(const Apply& op, double x) {
    const auto [f, a, b] = op;
    switch (f) {
        case Function::tan:
            return std::tan(x);
        case Function::asin:
            return std::asin(x);
        case Function::acos:
            return std::acos(x);
        case Function::atan:
            return std::atan(x);
        case Function::sinh:
            return std::sinh(x);
        case Function::cosh:
            return std::cosh(x);
        case Function::asinh:
            return std::asinh(x);
        case Function::acosh:
            return std::acosh(x);
        case Function::atanh:
            return std::atanh(x);
        case Function::sign:
            return x > 0 ? 1 : x < 0 ? -1 : x;
        case Function::floor:
            return std::floor(x);
        case Function::ceil:
            return std::ceil(x);
        case Function::round:
            return std::nearbyint(x);
        case Function::trunc:
            return std::trunc(x);
        case Function::threshold:
            return x <= a ? 0 : x;
        default:
            return x > a ? x - b : x < -a ? x + b : std::isnan(x) ? x : 0;
    }
}

}  // namespace

double value_of(const Apply& op, double x) {
    const auto [f, a, b] = op;
    switch (f) {
        case Function::affine:
            return a * x + b;
        case Function::exp:
            return std::exp(x);
        case Function::log:
            return std::log(x);
        case Function::sqrt:
        case Function::root:
            return std::sqrt(x);
        case Function::reciprocal:
            return 1 / x;
        case Function::abs:
            return std::abs(x);
        case Function::power:
            return std::pow(x, a);
        case Function::clip:
            return std::min(std::max(x, a), b);
        default:
            return other_value_of(op, x);
    }
}

}  // namespace tangram::onnx_file
