#pragma once
// Raw BLAS and LAPACK behind overloads for float and double on row-major views. Shapes are asserted; nothing
// is copied. Each call runs on the threads that set_blas_threads allows: one, everywhere in tangram, because
// OpenBLAS gives other bits on other thread counts.

#include "tangram/support/matrix.hpp"

#include <string>
#include <vector>

namespace tangram::blas {

enum class Op { none, transpose };

/// C (m x n) = alpha op(A) op(B) + beta C, with op(A) m x k and op(B) k x n. beta = 0 ignores what C holds,
/// NaN too.
void gemm(Op op_a, Op op_b, float alpha, ConstMatrixView<float> A, ConstMatrixView<float> B, float beta,
          MatrixView<float> C);
void gemm(Op op_a, Op op_b, double alpha, ConstMatrixView<double> A, ConstMatrixView<double> B, double beta,
          MatrixView<double> C);

/// The lower triangle of C (m x m) = A A^T + beta C, A m x k. The strict upper triangle is left as it was.
void gram_lower(ConstMatrixView<float> A, MatrixView<float> C, float beta = 0);
void gram_lower(ConstMatrixView<double> A, MatrixView<double> C, double beta = 0);

/// The same of A^T: the lower triangle of C (m x m) = A^T A + beta C, A k x m.
void gram_of_columns_lower(ConstMatrixView<float> A, float beta, MatrixView<float> C);
void gram_of_columns_lower(ConstMatrixView<double> A, double beta, MatrixView<double> C);

/// Eigenvalues of the symmetric matrix A (n x n), ascending (LAPACK dsyev, values only).
std::vector<double> symmetric_eigenvalues(ConstMatrixView<double> A);

/// R of A = Q R, A (m x n) with m >= n: in the upper triangle of A's first n rows, the rest of which becomes zero; the
/// other rows are scratch (LAPACK dgelqf of the transpose).
void upper_factor(MatrixView<double> A);

/// Has OpenBLAS take the buffers that calls on `threads` threads at a time need, 128 MiB of address space each. It does so
/// at a first call, and where there is no room it tries for ever; this throws Error(no_resources).
void take_buffers(int threads);

/// The same before MPI starts, for the threads that OpenBLAS has begun itself: where they lack a buffer, whatever forks or
/// ends the process in order waits for them for ever. Throws Error(no_resources).
void require_room();

/// How many threads one BLAS call may use.
void set_blas_threads(int threads);

/// As many threads while this lives, one afterwards.
class BlasThreads {
public:
    explicit BlasThreads(int threads) { set_blas_threads(threads); }
    ~BlasThreads() { set_blas_threads(1); }
    BlasThreads(const BlasThreads&) = delete;
    BlasThreads& operator=(const BlasThreads&) = delete;
};

/// The library and the CPU kernel that it chose, for example "OpenBLAS 0.3.21 .. Haswell".
std::string library_description();
std::string kernel_name();

}  // namespace tangram::blas
