#pragma once
// The pull-back of what acts entry by entry and kept its slopes: S_z += S o slopes, (n R, d). Private to tangent/operators/.

#include "tangram/tangent/operators.hpp"

namespace tangram::operators {

inline void pull_back_by_slopes(const BackwardPass& pass) {
    const Index R = pass.rows_per_sample();
    const Contribution& to = pass.to[0];
    for (Index i = 0; i < pass.S.rows; ++i) {
        const double* slope = pass.kept.row(i / R);
        const double* from = pass.S.row(i);
        double* into = to.S.row(i);
        if (to.adds) {
            for (Index j = 0; j < pass.S.cols; ++j) into[j] += from[j] * slope[j];
        } else {
            for (Index j = 0; j < pass.S.cols; ++j) into[j] = from[j] * slope[j];
        }
    }
}

}  // namespace tangram::operators
