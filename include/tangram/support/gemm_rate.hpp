#pragma once
// How fast this machine multiplies matrices: the rate that the tile loop is measured against, and from which a
// run's time is foretold.

#include "tangram/support/mpi.hpp"

namespace tangram {

/// What a plan takes for it, in each precision that it needs: a dry run shall not make people wait.
constexpr double gemm_seconds_of_plan = 0.1;

/// Floating point operations a second of this rank in C (m, m) = A B^T, A and B (m, k), m = k = 1024, on
/// `threads` threads at once, each with matrices of its own and one BLAS thread, for about `seconds`: at least
/// one call after one to warm up. A multiply and an add are two operations.
template <class T>
double gemm_rate(int threads, double seconds);

/// Collective. The same of all ranks at once, together. Throws AgreedError(no_resources) without the memory.
template <class T>
double gemm_rate_of_all(const mpi::Communicator& world, int threads, double seconds);

}  // namespace tangram
