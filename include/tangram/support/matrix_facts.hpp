#pragma once
// What is known of the eigenvalues of a symmetric matrix A (n, n), block-cyclic, without computing them; and the scaling that
// keeps the squares of its entries from overflowing and from vanishing:
//
//   scaled     A' = 2^-e A, the largest |A'_ij| in [1, 2), which rounds nothing that matters; A' = A where A is zero
//   trace      sum_i A'_ii = sum_k lambda_k
//   norm       |A'|_F = (sum_k lambda_k^2)^(1/2)
//   rayleigh   rho = v^T A' v of a vector v of length 1 from a few steps of power iteration: no more than the largest
//              eigenvalue, and some eigenvalue lies within |A' v - rho v| of it, whether or not the iteration has converged
//              (Parlett, "The Symmetric Eigenvalue Problem", SIAM 1998)
//
// Computed eigenvalues are judged by these: a solver that went wrong does not keep all of them.

#include "tangram/support/block_cyclic.hpp"
#include "tangram/support/mpi.hpp"

#include <vector>

namespace tangram {

/// Of the scaled matrix A'.
struct MatrixFacts {
    int exponent = 0;  ///< e
    double trace = 0;
    double norm = 0;
    double rayleigh = 0;
    double rayleigh_residual = 0;  ///< |A' v - rho v|
};

/// Whether the power iteration is wanted, which reads the matrix eight times.
enum class PowerIteration { yes, no };

/// Collective over the ranks of `layout`. Scales A in place.
MatrixFacts scale_and_measure(const mpi::Communicator& comm, const BlockCyclic& layout,
                              AlignedBuffer<double>& A, PowerIteration iteration = PowerIteration::yes);

/// Collective. |A| = max_j sum_i |A_ij|.
double column_norm(const mpi::Communicator& comm, const BlockCyclic& layout, const AlignedBuffer<double>& A);

/// A <- 2^-exponent A, the part of one rank.
void scale_down(AlignedBuffer<double>& A, Index size, int exponent);

/// How far computed eigenvalues are from what is known of them, in units of n eps max |lambda|, eps of float64; infinite where
/// one of them is no number.
struct ValueErrors {
    double trace = 0;    ///< |sum lambda - trace|
    double squares = 0;  ///< |sum lambda^2 - |A'|_F^2| / sum |lambda|
    double rayleigh =
        0;  ///< what is missing to an eigenvalue within rayleigh_residual of rho, and to one above it
};

/// `values`: of A', ascending.
ValueErrors value_errors(const std::vector<double>& values, const MatrixFacts& facts);

}  // namespace tangram
