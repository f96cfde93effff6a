// Y = f(X), entry by entry        S_x += S o f'(X), the slopes kept from the forward pass
// (n, d)                          (n R, d)

#include "kept_slopes.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::operators {

namespace {

struct Point {
    double value, slope;
};

Point power(double x, double a) {
    if (a == 2) return {x * x, 2 * x};
    if (a == 0) return {1, 0};
    return {std::pow(x, a), a * std::pow(x, a - 1)};
}

/// A NaN stays one.
Point clip(double x, double low, double high) {
    if (std::isnan(x)) return {x, x};
    return {std::min(std::max(x, low), high), x >= low && x <= high ? 1.0 : 0.0};
}

double sign(double x) {
    return x > 0 ? 1.0 : x < 0 ? -1.0 : x;
}

/// x - b above a, x + b below -a, 0 between; a NaN stays one.
Point shrink(double x, double a, double b) {
    if (x > a) return {x - b, 1};
    if (x < -a) return {x + b, 1};
    return std::isnan(x) ? Point{x, x} : Point{0, 0};
}

Point tan(double x) {
    const double t = std::tan(x);
    return {t, 1 + t * t};
}

/// Circular and hyperbolic functions and their inverses.
Point of_angle(Function f, double x) {
    switch (f) {
        case Function::tan:
            return tan(x);
        case Function::asin:
            return {std::asin(x), 1 / std::sqrt((1 - x) * (1 + x))};
        case Function::acos:
            return {std::acos(x), -1 / std::sqrt((1 - x) * (1 + x))};
        case Function::atan:
            return {std::atan(x), 1 / (1 + x * x)};
        case Function::sinh:
            return {std::sinh(x), std::cosh(x)};
        case Function::cosh:
            return {std::cosh(x), std::sinh(x)};
        case Function::asinh:
            return {std::asinh(x), 1 / std::hypot(1, x)};
        case Function::acosh:
            return {std::acosh(x), 1 / std::sqrt((x - 1) * (x + 1))};
        default:
            return {std::atanh(x), 1 / ((1 - x) * (1 + x))};
    }
}

/// What jumps.
Point step(const Apply& op, double x) {
    switch (op.f) {
        case Function::sign:
            return {sign(x), 0};
        case Function::floor:
            return {std::floor(x), 0};
        case Function::ceil:
            return {std::ceil(x), 0};
        case Function::round:
            return {std::nearbyint(x), 0};
        case Function::trunc:
            return {std::trunc(x), 0};
        case Function::threshold:
            return x <= op.a ? Point{0, 0} : Point{x, 1};
        default:
            return shrink(x, op.a, op.b);
    }
}

Point apply(const Apply& op, double x) {
    switch (op.f) {
        case Function::affine:
            return {op.a * x + op.b, op.a};
        case Function::exp:
            return {std::exp(x), std::exp(x)};
        case Function::log:
            return {std::log(x), 1 / x};
        case Function::sqrt:
            return {std::sqrt(x), 0.5 / std::sqrt(x)};
        case Function::reciprocal:
            return {1 / x, -1 / x / x};
        case Function::abs:
            return {std::abs(x), sign(x)};
        case Function::power:
            return power(x, op.a);
        case Function::clip:
            return clip(x, op.a, op.b);
        case Function::root:
            return {std::sqrt(x), x == 0 ? 0 : 0.5 / std::sqrt(x)};
        case Function::sign:
        case Function::floor:
        case Function::ceil:
        case Function::round:
        case Function::trunc:
        case Function::threshold:
        case Function::shrink:
            return step(op, x);
        default:
            return of_angle(op.f, x);
    }
}

void forward(const ForwardPass& pass) {
    const auto& op = std::get<Apply>(pass.node.op);
    for (Index i = 0; i < pass.output.rows; ++i) {
        const double* x = pass.inputs[0].row(i);
        double* y = pass.output.row(i);
        double* slope = pass.kept.row(i);
        for (Index j = 0; j < pass.output.cols; ++j) {
            const Point point = apply(op, x[j]);
            y[j] = point.value;
            slope[j] = point.slope;
        }
    }
}

/// Not those of floor, ceil, round and trunc, which are everywhere.
std::vector<double> kinks(const Operator& op) {
    const auto& apply = std::get<Apply>(op);
    std::vector<double> corners;
    if (apply.f == Function::abs || apply.f == Function::sign) corners = {0};
    if (apply.f == Function::threshold) corners = {apply.a};
    if (apply.f == Function::shrink) corners = {-apply.a, apply.a};
    if (apply.f != Function::clip) return corners;
    for (const double bound : {apply.a, apply.b}) {
        if (std::isfinite(bound)) corners.push_back(bound);
    }
    return corners;
}

std::optional<double> constant_factor(const Operator& op) {
    const auto& apply = std::get<Apply>(op);
    return apply.f == Function::affine ? std::optional(apply.a) : std::nullopt;
}

}  // namespace

const OperatorRoutines apply_routines{.forward = forward,
                                      .pull_back = pull_back_by_slopes,
                                      .kept_values = [](Index d) { return d; },
                                      .works_in_place = true,
                                      .may_overflow = true,
                                      .result = "function after",
                                      .constant_factor = constant_factor,
                                      .kinks = kinks};

}  // namespace tangram::operators
