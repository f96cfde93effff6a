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
        case Function::floor:
            return {std::floor(at_x), 0};
        case Function::ceil:
            return {std::ceil(at_x), 0};
        case Function::round:
            return {std::rint(at_x), 0};
        case Function::trunc:
            return {at_x < 0 ? std::ceil(at_x) : std::floor(at_x), 0};
        case Function::sign:
            return {at_x == 0 ? 0 : std::copysign(1.0, at_x), 0};
    }
    return x;
}

/// Where f is not smooth, or ends.
Vector breaks(const Apply& apply) {
    switch (apply.f) {
        case Function::log:
        case Function::sqrt:
        case Function::reciprocal:
        case Function::abs:
            return {0};
        case Function::power:  // x, x^2, x^3, .. are smooth everywhere
            return apply.a >= 0 && apply.a == std::floor(apply.a) ? Vector{} : Vector{0};
        case Function::clip:
            return {apply.a, apply.b};
        case Function::sign:
            return {0};
        case Function::affine:
        case Function::exp:
        case Function::floor:
        case Function::ceil:
        case Function::round:
        case Function::trunc:
            break;
    }
    return {};
}

bool is_step(Function f) {
    return f == Function::floor || f == Function::ceil || f == Function::round || f == Function::trunc;
}

/// Whether the way to an end leaves the step that the middle is on.
bool leaves_step(const Apply& apply, const Operands& middle, const Operands& ends) {
    const ConstMatrixView<double> x = ends.inputs[0];
    for (Index j = 0; j < x.cols; ++j) {
        const double here = f(apply, middle.inputs[0](0, j)).value;
        if (f(apply, x(0, j)).value != here || f(apply, x(1, j)).value != here) return true;
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
    return is_step(apply.f) ? leaves_step(apply, middle, ends) : crosses(breaks(apply), middle, ends);
}

void add_inherited(const Apply& apply, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y) {
    for (std::size_t j = 0; j < y.size(); ++j) {
        if (x[0][j] > 0)  // what is exact stays so, where the slope is infinite too
            y[j] += std::abs(f(apply, in.inputs[0](0, static_cast<Index>(j))).slope) * x[0][j];
    }
}

}  // namespace tangram::reference
