#pragma once
// Does an entry that a function is applied to, on its way from one end over the middle to the other, meet a point where the
// function is not smooth?

#include "../operators.hpp"

#include <algorithm>

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

}  // namespace tangram::reference
