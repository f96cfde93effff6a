#pragma once
// How fast this machine multiplies matrices: the rate that the tile loop is measured against, and from which a
// run's time is foretold.

#include "tangram/support/matrix.hpp"

namespace tangram {

/// Floating point operations a second of this rank in C (m, m) = A B^T, A and B (m, k), m = 2048, k = 1024, on
/// `threads` threads at once, each with matrices of its own and one BLAS thread: the median of the calls that
/// fit in about `seconds`, at least three.
template <class T>
double gemm_rate(int threads, double seconds);

}  // namespace tangram
