#pragma once
// Eigenvalues and eigenvectors of a symmetric matrix, A v = lambda v, on all ranks of a communicator: ELPA where it was found
// when tangram was built, else ScaLAPACK; LAPACK on one rank where n is small, or neither was found.
//
// Which solver was measured, two ranks of one thread, Debian 12 (seconds):
//
//   n = 3000, all vectors    ELPA 1-stage 2.3 (blocks of 64), 2.7 (32); ELPA 2-stage 6.6 (there it has no SIMD kernel);
//                            ScaLAPACK pdsyevd 2.6; numpy.linalg.eigh on two threads 2.3 to 2.4
//   n = 3000, values         ELPA 2-stage 1.4
//   n = 8000, values         ELPA 2-stage 20, the whole command; numpy.linalg.eigvalsh on two threads 26
//
// So: values by two stages, vectors by one, blocks of 64.

#include "tangram/support/block_cyclic.hpp"
#include "tangram/support/mpi.hpp"

#include <string>
#include <vector>

namespace tangram {

struct EigenPairs {
    std::vector<double> values;     ///< ascending
    AlignedBuffer<double> vectors;  ///< block-cyclic (n, n), column k for value k; where wanted
    std::string solver;             ///< "ELPA 2-stage"
};

/// Whether matrices can be shared among ranks.
bool has_distributed_solver();

/// How an n x n matrix is to lie on the ranks of `comm`: with LAPACK's help alone, whole on rank 0. Ranks that have no part in
/// it get an empty one. `unit`: so many rows that follow each other are never cut apart.
BlockCyclic layout_for(Index n, const mpi::Communicator& comm, Index unit = 1);
/// Ranks that the solver uses, the first ones.
int solver_ranks(Index n, int ranks, Index unit = 1);

/// The libraries count the entries of a rank in 32 bits. How many ranks of `ranks` or more an n x n matrix takes for that.
int ranks_needed(Index n, int ranks, Index unit = 1);
/// Throws Error(no_resources) with the number of ranks that would do; `what` names the matrix.
void require_countable(Index n, int ranks, Index unit, const std::string& what);

/// Which library: the fastest, or the most robust. ELPA's vectors of a matrix of rank 1 (the component of the last bias) were
/// found to be far from orthogonal; ScaLAPACK's are not.
enum class Solver { fastest, most_robust };

/// Collective over the solver's ranks. A (block-cyclic, both triangles) is destroyed. `vectors`: whether they are wanted.
/// `threads`: of LAPACK on one rank. Throws Error(failed) if the solver gives up.
EigenPairs solve_symmetric(const mpi::Communicator& comm, const BlockCyclic& layout, AlignedBuffer<double>& A,
                           bool vectors, Solver solver, int threads);

/// How good they are, by what products with vectors g of random signs show, in O(n^2) operations: row i of E g is at least as
/// large as every entry of row i of E with probability 1/2, so that of 32 of them all are smaller in 2^-32 of cases. Infinite where
/// something is no number. A's squares may neither overflow nor vanish.
struct EigenErrors {
    double residual = 0;       ///< max |(A V - V Lambda) g| / (n eps |A|), |A| = max_j sum_i |A_ij|
    double orthogonality = 0;  ///< max |(V^T V - 1) g| / (n eps)
};

/// Collective over the solver's ranks. `A` as it was before it was destroyed; on the threads of BLAS that are set.
EigenErrors eigen_errors(const mpi::Communicator& comm, const BlockCyclic& layout,
                         const AlignedBuffer<double>& A, const EigenPairs& pairs);

}  // namespace tangram
