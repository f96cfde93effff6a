#pragma once

#include <cmath>
#include <limits>

namespace tangram::test {

/// The larger of both into `worst`; what is not a number is infinitely wrong.
inline void keep_worst(double& worst, double error) {
    if (!(error <= worst)) worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

}  // namespace tangram::test
