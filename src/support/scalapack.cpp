// ScaLAPACK (Blackford et al., "ScaLAPACK Users' Guide", SIAM 1997).

#ifdef TANGRAM_HAVE_SCALAPACK

#include "eigen_backends.hpp"
#include "process_grid.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/narrow.hpp"

#include <array>

extern "C" {
void pdsyev_(const char* jobz, const char* uplo, const int* n, double* a, const int* ia, const int* ja,
             const int* desca, double* w, double* z, const int* iz, const int* jz, const int* descz,
             double* work, const int* lwork, int* info);
void pdsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* ia, const int* ja,
              const int* desca, double* w, double* z, const int* iz, const int* jz, const int* descz,
              double* work, const int* lwork, int* iwork, const int* liwork, int* info);
}

namespace tangram {

namespace {

constexpr int one = 1;

}  // namespace

EigenPairs solve_with_scalapack(const mpi::Communicator& comm, const BlockCyclic& layout,
                                AlignedBuffer<double>& A, bool vectors) {
    const int n = narrow(layout.rows.extent, "rows");
    const ProcessGrid grid(comm, layout);
    const std::array<int, 9> description = grid.describe(layout);
    EigenPairs pairs;
    pairs.values.assign(at(n), 0);
    pairs.vectors = AlignedBuffer<double>(vectors ? std::max<Index>(1, layout.local_size()) : 1);
    int info = 0;
    // First with lwork = -1, which asks how much work space it takes.
    std::vector<double> work(2);
    std::vector<int> iwork(2);
    int lwork = -1;
    int liwork = -1;
    for (int call = 0; call < 2; ++call) {
        if (vectors) {
            pdsyevd_("V", "L", &n, A.data(), &one, &one, description.data(), pairs.values.data(),
                     pairs.vectors.data(), &one, &one, description.data(), work.data(), &lwork, iwork.data(),
                     &liwork, &info);
        } else {
            pdsyev_("N", "L", &n, A.data(), &one, &one, description.data(), pairs.values.data(),
                    pairs.vectors.data(), &one, &one, description.data(), work.data(), &lwork, &info);
        }
        if (info != 0)
            fail(ExitCode::failed, "ScaLAPACK found no eigenvalues of a {} x {} matrix (info = {})", n, n,
                 info);
        if (call == 1) break;
        lwork = narrow(static_cast<Index>(work[0]) + Index{2} * n, "work space");
        liwork = std::max(iwork[0], 7 * n + 8 * layout.cols.count + 2);
        work.resize(at(lwork));
        iwork.resize(at(liwork));
    }
    pairs.solver = vectors ? "ScaLAPACK pdsyevd" : "ScaLAPACK pdsyev";
    return pairs;
}

}  // namespace tangram

#endif
