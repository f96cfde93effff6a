#pragma once
// A symmetric positive definite matrix A (n, n), dealt out in blocks, and what its Cholesky factor gives:
//
//   A = L L^T      ScaLAPACK's pdpotrf on several ranks, LAPACK's dpotrf on one
//
// L takes the lower triangle of the array; what lies above the diagonal stays as it was, so that A can still be multiplied with
// (Higham, "Accuracy and Stability of Numerical Algorithms", SIAM 2002, ch. 10; ch. 12 for the refinement that this allows).
// Right-hand sides are whole on every rank.

#include "tangram/support/block_cyclic.hpp"
#include "tangram/support/mpi.hpp"

#include <vector>

namespace tangram {

class Cholesky {
public:
    /// Collective over `comm`, the ranks of `layout`, and so is all below. `A`: both triangles; taken over. BLAS and LAPACK
    /// run on the threads that are set.
    Cholesky(const mpi::Communicator& comm, const BlockCyclic& layout, AlignedBuffer<double> A);

    /// Whether there is an L, and A is further from a singular matrix than n eps of its size, by an estimate of its
    /// condition number. Without, nothing below means anything.
    [[nodiscard]] bool is_definite() const;
    /// 1 / (|A|_1 |A^-1|_1), as estimated; 0 where there is no L.
    [[nodiscard]] double reciprocal_condition() const { return reciprocal_condition_; }
    /// |A|_1, which is the largest of sum_i |A_ij|.
    [[nodiscard]] double norm() const { return norm_; }
    [[nodiscard]] double log_determinant() const;

    /// A^-1 B, (n, m).
    [[nodiscard]] Matrix<double> solve(ConstMatrixView<double> B) const;
    /// L^-1 B, (n, m).
    [[nodiscard]] Matrix<double> half_solve(ConstMatrixView<double> B) const;
    /// A B, (n, m), of what was kept of A.
    [[nodiscard]] Matrix<double> multiply(ConstMatrixView<double> B) const;
    /// The blocks (unit, unit) on the diagonal of A^-1, one a row: (n / unit, unit^2). n^3 / 3 multiplications and as many
    /// additions. `unit`: as of the layout; about `columns` columns of L^-1 are made at once on each process column.
    [[nodiscard]] Matrix<double> inverse_blocks(Index unit, Index columns = 256) const;

private:
    [[nodiscard]] BlockCyclic layout_of_columns(Index m) const;
    void solve_triangle(bool transpose, Index first, double* B, Index m) const;
    const mpi::Communicator& comm_;
    BlockCyclic layout_;
    AlignedBuffer<double> A_;
    std::vector<double> diagonal_;  ///< of A
    std::vector<double> pivots_;    ///< the diagonal of L
    double norm_ = 0;
    double reciprocal_condition_ = 0;
};

}  // namespace tangram
