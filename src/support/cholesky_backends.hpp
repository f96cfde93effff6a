#pragma once
// The libraries behind support/cholesky.hpp. Private to support/. Arrays are the local parts, column-major; the right-hand sides
// B (n, m) have the rows of `layout`.

#include "tangram/support/block_cyclic.hpp"
#include "tangram/support/mpi.hpp"

namespace tangram {

/// The layout of m columns with the rows of a matrix: in the same blocks on the same processes.
BlockCyclic columns_like(const BlockCyclic& layout, Index m);

#ifdef TANGRAM_HAVE_SCALAPACK
/// Collective. Factors in place; whether there is a factor.
bool factor_distributed(const mpi::Communicator& comm, const BlockCyclic& layout, double* A);
/// Rows from `first` on: B <- L^-1 B, or L^-T B.
void solve_triangle_distributed(const mpi::Communicator& comm, const BlockCyclic& layout, bool transpose,
                                Index first, const double* A, double* B, Index m);
/// C = A B by the upper triangle of the array.
void multiply_upper_distributed(const mpi::Communicator& comm, const BlockCyclic& layout, const double* A,
                                const double* B, double* C, Index m);
/// 1 / (norm |A^-1|_1).
double condition_distributed(const mpi::Communicator& comm, const BlockCyclic& layout, const double* A,
                             double norm);
#endif

// The same, the matrix whole on one rank.
bool factor_whole(Index n, double* A);
void solve_triangle_whole(Index n, bool transpose, Index first, const double* A, double* B, Index m);
void multiply_upper_whole(Index n, const double* A, const double* B, double* C, Index m);
double condition_whole(Index n, const double* A, double norm);

}  // namespace tangram
