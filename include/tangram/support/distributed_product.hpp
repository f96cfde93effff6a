#pragma once
// Products of a block-cyclic matrix with a few columns that every rank holds: a local gemm and one sum.
//
//   C = op(A) B     A (n, n), dealt out; B and C (n, m), whole on every rank
//
//                rank 0               rank 1                        every rank
//   BEFORE       blocks of A; B       blocks of A; B       AFTER    C, the sum of what the ranks made of their blocks

#include "tangram/support/block_cyclic.hpp"
#include "tangram/support/mpi.hpp"

namespace tangram {

/// Collective over the ranks of `layout`.
Matrix<double> multiply_columns(const mpi::Communicator& comm, const BlockCyclic& layout, bool transpose,
                                const AlignedBuffer<double>& A, ConstMatrixView<double> B);

}  // namespace tangram
