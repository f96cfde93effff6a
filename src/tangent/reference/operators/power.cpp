// p = x^y, entry by entry; the derivatives come from dual numbers.
//
//   pull_back   D_x += D_p y x^(y - 1), 0 where y is 0
//               D_y += D_p x^y log x, 0 where x is 0 and y is not negative

#include "../dual.hpp"
#include "kinds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tangram::reference {

namespace {

/// d(x^y) / dx and d(x^y) / dy.
std::array<double, 2> slopes(double x, double y) {
    const double of_x = power(Dual{x, 1}, y).slope;
    if (x == 0) return {of_x, y < 0 ? -std::numeric_limits<double>::infinity() : 0};
    const Dual logarithm{std::log(x), 0};
    return {of_x, std::pow(x, y) * (logarithm * Dual{y, 1}).slope};
}

}  // namespace

void forward(const Power&, const Operands& in, MatrixView<double> p) {
    for (Index point = 0; point < p.rows; ++point) {
        for (Index j = 0; j < p.cols; ++j)
            p(point, j) = std::pow(in.inputs[0](point, j), in.inputs[1](point, j));
    }
}

Vector magnitudes(const Power&, const Operands& in) {
    Vector sizes(at(in.inputs[0].cols));
    for (Index j = 0; j < in.inputs[0].cols; ++j)
        sizes[at(j)] = std::abs(std::pow(in.inputs[0](0, j), in.inputs[1](0, j)));
    return sizes;
}

void pull_back(const Power&, const Operands& in, ConstMatrixView<double> D_p,
               std::span<const MatrixView<double>> D_xy) {
    for (std::size_t k = 0; k < 2; ++k) {
        const MatrixView<double>& D = D_xy[k];
        for (Index j = 0; D.rows > 0 && j < D.cols; ++j) {
            const double slope = slopes(in.inputs[0](0, j), in.inputs[1](0, j))[k];
            for (Index r = 0; r < D.rows; ++r) D(r, j) += D_p(r, j) * slope;
        }
    }
}

/// Where x moves over 0, or stays there while y moves over 0.
bool crosses_kink(const Power&, const Operands& middle, const Operands& ends) {
    const auto meets_zero = [&](std::size_t k, Index j) {
        const auto [low, high] =
            std::minmax({ends.inputs[k](0, j), middle.inputs[k](0, j), ends.inputs[k](1, j)});
        return low <= 0 && high >= 0;
    };
    const auto moves = [&](std::size_t k, Index j) {
        return ends.inputs[k](0, j) != middle.inputs[k](0, j) ||
               ends.inputs[k](1, j) != middle.inputs[k](0, j);
    };
    for (Index j = 0; j < ends.inputs[0].cols; ++j) {
        if (!meets_zero(0, j)) continue;
        if (moves(0, j) || (moves(1, j) && meets_zero(1, j))) return true;
    }
    return false;
}

void add_inherited(const Power&, const Operands& in, std::span<const std::span<const double>> xy,
                   std::span<double> p) {
    for (std::size_t j = 0; j < p.size(); ++j) {
        const auto slope =
            slopes(in.inputs[0](0, static_cast<Index>(j)), in.inputs[1](0, static_cast<Index>(j)));
        for (std::size_t k = 0; k < 2; ++k) {
            if (xy[k][j] > 0) p[j] += std::abs(slope[k]) * xy[k][j];
        }
    }
}

}  // namespace tangram::reference
