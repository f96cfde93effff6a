#pragma once
// Where a function that is applied entry by entry is not smooth: does an entry meet such a point on its way from one end over
// the middle to the other, and do two places have another derivative because one lies between them?

#include "../operators.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::reference {

inline bool crosses(std::span<const double> points, const Operands& middle, const Operands& ends) {
    if (points.empty()) return false;
    const ConstMatrixView<double> x = ends.inputs[0];
    for (Index j = 0; j < x.cols; ++j) {
        const double here = middle.inputs[0].data[j];
        if (x(0, j) == here && x(1, j) == here) continue;  // what stands still crosses nothing
        const double lowest = std::min({x(0, j), here, x(1, j)});
        const double highest = std::max({x(0, j), here, x(1, j)});
        for (const double point : points) {
            if (lowest <= point && point <= highest) return true;
        }
    }
    return false;
}

/// slope(operands, j): the derivative at entry j of the first point, by the function's rule where it is at a point itself.
template <class Slope>
bool slopes_differ(std::span<const double> points, const Operands& here, const Operands& there, Slope slope) {
    constexpr double rounding = 1e-12;  // of two slopes on one side
    if (points.empty()) return false;
    for (Index j = 0; j < here.inputs[0].cols; ++j) {
        const double a = here.inputs[0].data[j];
        const double b = there.inputs[0].data[j];
        const bool parted = std::any_of(points.begin(), points.end(), [&](double point) {
            return a != b && std::min(a, b) <= point && point <= std::max(a, b);
        });
        if (!parted) continue;
        const double at_a = slope(here, j);
        const double at_b = slope(there, j);
        if (!(std::abs(at_a - at_b) <= rounding * std::max(std::abs(at_a), std::abs(at_b)))) return true;
    }
    return false;
}

}  // namespace tangram::reference
