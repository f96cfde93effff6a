// Eigenvalues by LAPACK, the matrix whole on one rank (LAPACK Users' Guide, SIAM 1999: dsyevd, divide and conquer).

#include "eigen_backends.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/narrow.hpp"

extern "C" void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda,
                        double* w, double* work, const int* lwork, int* iwork, const int* liwork, int* info);

namespace tangram {

EigenPairs solve_with_lapack(Index n, AlignedBuffer<double>& A, bool vectors, int threads) {
    const int size = narrow(n, "rows");
    EigenPairs pairs;
    pairs.values.assign(at(n), 0);
    pairs.solver = "LAPACK dsyevd";
    std::vector<double> work(1);
    std::vector<int> iwork(1);
    int lwork = -1;
    int liwork = -1;
    int info = 0;
    const char* const job = vectors ? "V" : "N";
    blas::set_blas_threads(threads);
    for (int call = 0; call < 2; ++call) {  // first: how much work space?
        dsyevd_(job, "L", &size, A.data(), &size, pairs.values.data(), work.data(), &lwork, iwork.data(),
                &liwork, &info);
        lwork = narrow(static_cast<Index>(work[0]), "work space");
        liwork = iwork[0];
        work.resize(at(lwork));
        iwork.resize(at(liwork));
    }
    blas::set_blas_threads(1);
    if (info != 0)
        fail(ExitCode::failed, "LAPACK dsyevd found no eigenvalues of a {} x {} matrix (info = {})", n, n,
             info);
    if (vectors) {
        pairs.vectors = AlignedBuffer<double>(n * n);
        std::copy(A.data(), A.data() + n * n, pairs.vectors.data());
    }
    return pairs;
}

}  // namespace tangram
