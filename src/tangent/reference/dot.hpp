#pragma once
// The inner product of the reference's forward passes. backpropagate() and the finite differences share it,
// and nothing else, so that they round alike: where preactivations are huge, a sine's derivative depends on
// their last bits.

#include "tangram/support/matrix.hpp"

namespace tangram {

inline double dot(const double* w, const double* x, Index n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index k = 0; k < n; ++k) sum += w[k] * x[k];
    return sum;
}

}  // namespace tangram
