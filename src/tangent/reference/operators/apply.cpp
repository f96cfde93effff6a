// y = f(x), entry by entry; f' comes from dual numbers.
//
//   pull_back   D_x += D_y f'(x)

#include "../dual.hpp"
#include "crossing.hpp"
#include "kinds.hpp"

#include <cmath>

namespace tangram::reference {

namespace {

/// Slope 1 at the bounds.
Dual clip(Dual x, double low, double high) {
    if (x.value < low) return {low, 0};
    return x.value > high ? Dual{high, 0} : x;
}

/// The derivative of an inverse function is one over that of the function where it arrives.
Dual inverse(Dual x, double y, double slope_at_y) {
    return chain(x, y, 1 / slope_at_y);
}

Dual of_angle(Function f, Dual x) {
    switch (f) {
        case Function::tan:
            return sin(x) * reciprocal(cos(x));
        case Function::asin:
            return inverse(x, std::asin(x.value), std::cos(std::asin(x.value)));
        case Function::acos:
            return inverse(x, std::acos(x.value), -std::sin(std::acos(x.value)));
        case Function::atan:
            return inverse(x, std::atan(x.value), std::pow(std::cos(std::atan(x.value)), -2));
        case Function::sinh:
            return 0.5 * (expm1(x) - expm1(-x));
        case Function::cosh:
            return 0.5 * (exp(x) + exp(-x));
        case Function::asinh:
            return inverse(x, std::asinh(x.value), std::cosh(std::asinh(x.value)));
        case Function::acosh:
            return inverse(x, std::acosh(x.value), std::sinh(std::acosh(x.value)));
        default:
            return inverse(x, std::atanh(x.value), std::pow(std::cosh(std::atanh(x.value)), -2));
    }
}

bool jumps(Function f) {
    return f >= Function::sign;
}

/// Of what jumps: constant, or x moved.
Dual piece(const Apply& apply, Dual x) {
    switch (apply.f) {
        case Function::sign:
            return {static_cast<double>((x.value > 0) - (x.value < 0)), 0};
        case Function::floor:
            return {std::floor(x.value), 0};
        case Function::ceil:
            return {std::ceil(x.value), 0};
        case Function::round:
            return {std::nearbyint(x.value), 0};
        case Function::trunc:
            return {x.value < 0 ? std::ceil(x.value) : std::floor(x.value), 0};
        case Function::threshold:
            return x.value > apply.a ? x : Dual{0, 0};
        default:
            if (x.value > apply.a) return -apply.b + x;
            return x.value < -apply.a ? apply.b + x : Dual{0, 0};
    }
}

Dual f(const Apply& apply, double at_x) {
    const Dual x{at_x, 1};
    switch (apply.f) {
        case Function::affine:
            return apply.b + apply.a * x;
        case Function::exp:
            return exp(x);
        case Function::log:
            return log(x);
        case Function::sqrt:
            return sqrt(x);
        case Function::reciprocal:
            return reciprocal(x);
        case Function::abs:
            return abs(x);
        case Function::power:
            return power(x, apply.a);
        case Function::clip:
            return clip(x, apply.a, apply.b);
        case Function::root:
            return x.value == 0 ? Dual{0, 0} : sqrt(x);
        default:
            return jumps(apply.f) ? piece(apply, x) : of_angle(apply.f, x);
    }
}

/// Where f is not smooth, or ends.
Vector breaks(const Apply& apply) {
    switch (apply.f) {
        case Function::log:
        case Function::sqrt:
        case Function::root:
        case Function::reciprocal:
        case Function::abs:
        case Function::sign:
            return {0};
        case Function::asin:
        case Function::acos:
        case Function::atanh:
            return {-1, 1};
        case Function::acosh:
            return {1};
        case Function::threshold:
            return {apply.a};
        case Function::shrink:
            return {-apply.a, apply.a};
        case Function::power:  // x, x^2, x^3, .. are smooth everywhere
            return apply.a >= 0 && apply.a == std::floor(apply.a) ? Vector{} : Vector{0};
        case Function::clip:
            return {apply.a, apply.b};
        default:
            return {};
    }
}

/// Where a staircase goes on to another step: floor, ceil, round and trunc have no finite list of them.
bool changes_step(const Apply& apply, const Operands& middle, const Operands& ends) {
    for (Index j = 0; j < ends.inputs[0].cols; ++j) {
        const double here = f(apply, middle.inputs[0](0, j)).value;
        for (Index end = 0; end < 2; ++end) {
            if (f(apply, ends.inputs[0](end, j)).value != here) return true;
        }
    }
    return false;
}

}  // namespace

void forward(const Apply& apply, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index j = 0; j < y.cols; ++j) y(point, j) = f(apply, in.inputs[0](point, j)).value;
    }
}

Vector magnitudes(const Apply& apply, const Operands& in) {
    const ConstMatrixView<double> x = in.inputs[0];
    Vector sizes(at(x.cols));
    for (Index j = 0; j < x.cols; ++j) {
        sizes[at(j)] = apply.f == Function::affine ? std::abs(apply.a * x(0, j)) + std::abs(apply.b)
                                                   : std::abs(f(apply, x(0, j)).value);
    }
    return sizes;
}

void pull_back(const Apply& apply, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x) {
    const MatrixView<double> D = D_x[0];
    if (D.rows == 0) return;
    for (Index j = 0; j < D.cols; ++j) {
        const double factor = f(apply, in.inputs[0](0, j)).slope;
        for (Index r = 0; r < D.rows; ++r) D(r, j) += D_y(r, j) * factor;
    }
}

bool crosses_kink(const Apply& apply, const Operands& middle, const Operands& ends) {
    const bool has_no_list = is_staircase(apply.f) && apply.f != Function::sign;
    return has_no_list ? changes_step(apply, middle, ends) : crosses(breaks(apply), middle, ends);
}

bool branches_differ(const Apply& apply, const Operands& here, const Operands& there) {
    return slopes_differ(breaks(apply), here, there,
                         [&](const Operands& in, Index j) { return f(apply, in.inputs[0].data[j]).slope; });
}

void add_inherited(const Apply& apply, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y) {
    for (std::size_t j = 0; j < y.size(); ++j) {
        if (x[0][j] > 0)  // what is exact stays so, where the slope is infinite too
            y[j] += std::abs(f(apply, in.inputs[0](0, static_cast<Index>(j))).slope) * x[0][j];
    }
}

}  // namespace tangram::reference
