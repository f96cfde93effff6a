#include "tangram/support/blas.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/memory.hpp"
#include "tangram/support/narrow.hpp"

#include <cblas.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cassert>

// LAPACK by its Fortran name: Debian's OpenBLAS comes without LAPACKE.
extern "C" void dsyev_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w,
                       double* work, const int* lwork, int* info);

extern "C" void dgelqf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work,
                        const int* lwork, int* info);

// What OpenBLAS itself calls for a buffer and to give it back for later calls; a build may not show them.
extern "C" __attribute__((weak)) void* blas_memory_alloc(int position);
extern "C" __attribute__((weak)) void blas_memory_free(void* buffer);

namespace tangram::blas {

namespace {

CBLAS_TRANSPOSE to_cblas(Op op) {
    return op == Op::none ? CblasNoTrans : CblasTrans;
}

struct GemmSizes {
    int m, n, k, lda, ldb, ldc;
};

template <class T>
GemmSizes gemm_sizes(Op op_a, Op op_b, ConstMatrixView<T> A, ConstMatrixView<T> B, MatrixView<T> C) {
    [[maybe_unused]] const Index a_rows = op_a == Op::none ? A.rows : A.cols;
    const Index a_cols = op_a == Op::none ? A.cols : A.rows;
    [[maybe_unused]] const Index b_rows = op_b == Op::none ? B.rows : B.cols;
    [[maybe_unused]] const Index b_cols = op_b == Op::none ? B.cols : B.rows;
    assert(a_rows == C.rows && b_cols == C.cols && a_cols == b_rows);
    return {narrow(C.rows, "rows"),
            narrow(C.cols, "columns"),
            narrow(a_cols, "inner size"),
            narrow(std::max<Index>(A.ld, 1), "leading dimension"),
            narrow(std::max<Index>(B.ld, 1), "leading dimension"),
            narrow(std::max<Index>(C.ld, 1), "leading dimension")};
}

constexpr std::size_t buffer_bytes = std::size_t{128} << 20;

/// Whether so many buffers can be had now. What is mapped is given back untouched.
bool has_room_for(int buffers) {
    std::vector<void*> mapped;
    for (int k = 0; k < buffers; ++k) {
        void* const place =
            mmap(nullptr, buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (place == MAP_FAILED) break;
        mapped.push_back(place);
    }
    for (void* const place : mapped) munmap(place, buffer_bytes);
    return std::ssize(mapped) == buffers;
}

/// What to do where there is no room.
std::string advice(int threads) {
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    std::string advice =
        limit.rlim_cur == RLIM_INFINITY
            ? "use nodes with more memory, or fewer ranks a node"
            : fmt::format(
                  "raise the limit on a process's address space, {:.3g} GiB now (ulimit -v unlimited)",
                  gib(static_cast<Index>(limit.rlim_cur)));
    if (threads > 1) advice += ", or give fewer --threads";
    return advice;
}

void require_room_for(int threads) {
    if (has_room_for(threads)) return;
    fail(ExitCode::no_resources,
         "not enough memory for the buffers of OpenBLAS, 128 MiB for each of {} thread{}: {}", threads,
         threads == 1 ? "" : "s", advice(threads));
}

}  // namespace

void require_room() {
    require_room_for(1);
}

void take_buffers(int threads) {
    require_room_for(threads);
    if (blas_memory_alloc == nullptr || blas_memory_free == nullptr) return;
    std::vector<void*> buffers;
    // It gives up where there are more than twice as many as it was built for, which nobody runs on one node.
    for (int k = 0; k < std::min(threads, 128); ++k) buffers.push_back(blas_memory_alloc(0));
    for (void* const buffer : buffers) blas_memory_free(buffer);
}

void gemm(Op op_a, Op op_b, float alpha, ConstMatrixView<float> A, ConstMatrixView<float> B, float beta,
          MatrixView<float> C) {
    const GemmSizes s = gemm_sizes(op_a, op_b, A, B, C);
    cblas_sgemm(CblasRowMajor, to_cblas(op_a), to_cblas(op_b), s.m, s.n, s.k, alpha, A.data, s.lda, B.data,
                s.ldb, beta, C.data, s.ldc);
}

void gemm(Op op_a, Op op_b, double alpha, ConstMatrixView<double> A, ConstMatrixView<double> B, double beta,
          MatrixView<double> C) {
    const GemmSizes s = gemm_sizes(op_a, op_b, A, B, C);
    cblas_dgemm(CblasRowMajor, to_cblas(op_a), to_cblas(op_b), s.m, s.n, s.k, alpha, A.data, s.lda, B.data,
                s.ldb, beta, C.data, s.ldc);
}

void gram_lower(ConstMatrixView<float> A, MatrixView<float> C, float beta) {
    const GemmSizes s = gemm_sizes(Op::none, Op::transpose, A, A, C);
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, s.m, s.k, 1.0F, A.data, s.lda, beta, C.data, s.ldc);
}

void gram_lower(ConstMatrixView<double> A, MatrixView<double> C, double beta) {
    const GemmSizes s = gemm_sizes(Op::none, Op::transpose, A, A, C);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, s.m, s.k, 1.0, A.data, s.lda, beta, C.data, s.ldc);
}

void gram_of_columns_lower(ConstMatrixView<float> A, float beta, MatrixView<float> C) {
    const GemmSizes s = gemm_sizes(Op::transpose, Op::none, A, A, C);
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, s.m, s.k, 1.0F, A.data, s.lda, beta, C.data, s.ldc);
}

void gram_of_columns_lower(ConstMatrixView<double> A, double beta, MatrixView<double> C) {
    const GemmSizes s = gemm_sizes(Op::transpose, Op::none, A, A, C);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, s.m, s.k, 1.0, A.data, s.lda, beta, C.data, s.ldc);
}

std::vector<double> symmetric_eigenvalues(ConstMatrixView<double> A) {
    const int n = narrow(A.rows, "rows");
    std::vector<double> copy(static_cast<std::size_t>(A.rows * A.rows));
    for (Index i = 0; i < A.rows; ++i) std::copy_n(A.row(i), A.rows, copy.begin() + i * A.rows);
    std::vector<double> values(static_cast<std::size_t>(n));
    const int workspace = std::max(1, 34 * n);
    std::vector<double> work(static_cast<std::size_t>(workspace));
    int info = 0;
    dsyev_("N", "L", &n, copy.data(), &n, values.data(), work.data(), &workspace, &info);
    if (info != 0)
        fail(ExitCode::failed, "LAPACK dsyev found no eigenvalues of a {} x {} matrix (info = {})", n, n,
             info);
    return values;
}

void upper_factor(MatrixView<double> A) {
    // Row-major A is column-major A^T = L Q', and R = L^T.
    const int rows = narrow(A.cols, "columns");
    const int cols = narrow(A.rows, "rows");
    const int ld = narrow(A.ld, "leading dimension");
    std::vector<double> tau(at(A.cols));
    std::vector<double> work(at(A.cols * 64));
    const int workspace = narrow(static_cast<Index>(work.size()), "workspace");
    int info = 0;
    dgelqf_(&rows, &cols, A.data, &ld, tau.data(), work.data(), &workspace, &info);
    if (info != 0)
        fail(ExitCode::failed, "LAPACK dgelqf failed on a {} x {} matrix (info = {})", cols, rows, info);
    for (Index i = 1; i < A.cols; ++i) std::fill(A.row(i), A.row(i) + i, 0.0);
}

void set_blas_threads(int threads) {
    openblas_set_num_threads(threads);
}

std::string library_description() {
    return openblas_get_config();
}

std::string kernel_name() {
    return openblas_get_corename();
}

}  // namespace tangram::blas
