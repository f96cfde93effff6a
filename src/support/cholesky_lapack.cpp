// Cholesky by LAPACK, the matrix whole on one rank (LAPACK Users' Guide, SIAM 1999).

#include "cholesky_backends.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/narrow.hpp"

#include <cblas.h>

#include <vector>

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dpocon_(const char* uplo, const int* n, const double* a, const int* lda, const double* anorm,
             double* rcond, double* work, int* iwork, int* info);
}

namespace tangram {

bool factor_whole(Index n, double* A) {
    const int size = narrow(n, "rows");
    int info = 0;
    dpotrf_("L", &size, A, &size, &info);
    return info == 0;
}

void solve_triangle_whole(Index n, bool transpose, Index first, const double* A, double* B, Index m) {
    const int ld = narrow(n, "rows");
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, transpose ? CblasTrans : CblasNoTrans, CblasNonUnit,
                ld - narrow(first, "row"), narrow(m, "columns"), 1.0, A + first + first * n, ld, B + first,
                ld);
}

void multiply_upper_whole(Index n, const double* A, const double* B, double* C, Index m) {
    const int size = narrow(n, "rows");
    cblas_dsymm(CblasColMajor, CblasLeft, CblasUpper, size, narrow(m, "columns"), 1.0, A, size, B, size, 0.0,
                C, size);
}

double condition_whole(Index n, const double* A, double norm) {
    const int size = narrow(n, "rows");
    std::vector<double> work(at(3 * n));
    std::vector<int> iwork(at(n));
    double reciprocal = 0;
    int info = 0;
    dpocon_("L", &size, A, &size, &norm, &reciprocal, work.data(), iwork.data(), &info);
    if (info != 0) fail(ExitCode::failed, "LAPACK dpocon failed (info = {})", info);
    return reciprocal;
}

}  // namespace tangram
