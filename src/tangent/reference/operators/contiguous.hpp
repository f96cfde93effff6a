#pragma once
// The two loops that products are made of, over entries that lie next to each other.

#include "../dot.hpp"

namespace tangram::reference {

/// y += a x, (n).
inline void add_multiple(double a, const double* x, Index n, double* y) {
#pragma omp simd
    for (Index k = 0; k < n; ++k) y[k] += a * x[k];
}

}  // namespace tangram::reference
