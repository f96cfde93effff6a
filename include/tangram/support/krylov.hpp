#pragma once
// Eigenvalues and solutions of a symmetric matrix A (n, n) that exists only as what it does to a vector, by SLEPc and PETSc:
//
//   A v_j = lambda_j v_j    the k largest lambda            Krylov-Schur, thick restarts (Stewart, SIAM J. Matrix Anal. Appl. 23, 2001)
//   A x = b                                                 conjugate gradients, preconditioned
//
// Vectors are shared out over the ranks, each its own entries, in the order of the ranks:
//
//   BEFORE   rank p: its entries of v     A v     AFTER   rank p: its entries of A v
//
// The two libraries bring a hundred others: they are in a shared library of ours (libtangram_krylov.so) that is opened when it is
// first asked for, and closed with the process.

#include "tangram/support/matrix.hpp"
#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tangram {

/// What A does. Collective: v and y are this rank's entries. May throw: the solver ends and throws the same.
using ActOnVector = std::function<void(std::span<const double> v, std::span<double> y)>;

struct DistributedOperator {
    Index local = 0;   ///< entries of this rank
    Index extent = 0;  ///< n, of all ranks
    ActOnVector act;
};

struct LargestRequest {
    Index count = 1;           ///< k
    double tolerance = 1e-10;  ///< |A v - lambda v| <= tolerance lambda_max
    Index most_restarts = 1000;
    Matrix<double> start{};      ///< (local, 1): where the Krylov space begins
    Matrix<double> deflation{};  ///< (local, m): eigenvectors that are known already
    /// After each restart: pairs that have converged, and the next Ritz vector (local, converged + 1).
    std::function<void(Index converged, ConstMatrixView<double> ritz_vectors)> after_restart{};
};

struct LargestPairs {
    std::vector<double> values;  ///< (k'), largest first; k' < k where the restarts did not do
    Matrix<double> vectors;      ///< (local, k')
    Index restarts = 0;
    bool converged = false;
};

/// Collective. Throws Error(usage) where the program was built without SLEPc, Error(failed) with what SLEPc says.
LargestPairs largest_eigenpairs(const mpi::Communicator& comm, const DistributedOperator& A,
                                const LargestRequest& request);

struct SolveRequest {
    double tolerance = 1e-10;  ///< |A x - b| <= tolerance |b|
    Index most_steps = 1000;
    ActOnVector precondition{};  ///< about A^-1
    /// After each step: its number, and |A x - b| / |b| as the recurrence has it.
    std::function<void(Index step, double residual)> after_step{};
};

struct Solution {
    Index steps = 0;
    bool converged = false;
};

/// Collective. x is the start, and the solution afterwards.
Solution conjugate_gradients(const mpi::Communicator& comm, const DistributedOperator& A,
                             std::span<const double> b, std::span<double> x, const SolveRequest& request);

/// Throws Error(usage) naming what to build with, where the shared library is not there.
void require_krylov();

/// Collective. Ends the two libraries, before MPI ends: after the last call above, and never where an error is on its way.
void finish_krylov();

}  // namespace tangram
