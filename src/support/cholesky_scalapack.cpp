// Cholesky by ScaLAPACK (Blackford et al., "ScaLAPACK Users' Guide", SIAM 1997).

#ifdef TANGRAM_HAVE_SCALAPACK

#include "cholesky_backends.hpp"
#include "process_grid.hpp"

#include <vector>

extern "C" {
void pdpotrf_(const char* uplo, const int* n, double* a, const int* ia, const int* ja, const int* desca,
              int* info);
void pdtrsm_(const char* side, const char* uplo, const char* transa, const char* diag, const int* m,
             const int* n, const double* alpha, const double* a, const int* ia, const int* ja,
             const int* desca, double* b, const int* ib, const int* jb, const int* descb);
void pdsymm_(const char* side, const char* uplo, const int* m, const int* n, const double* alpha,
             const double* a, const int* ia, const int* ja, const int* desca, const double* b, const int* ib,
             const int* jb, const int* descb, const double* beta, double* c, const int* ic, const int* jc,
             const int* descc);
void pdpocon_(const char* uplo, const int* n, const double* a, const int* ia, const int* ja, const int* desca,
              const double* anorm, double* rcond, double* work, const int* lwork, int* iwork,
              const int* liwork, int* info);
}

namespace tangram {

namespace {

constexpr int one = 1;
constexpr double factor = 1;

}  // namespace

bool factor_distributed(const mpi::Communicator& comm, const BlockCyclic& layout, double* A) {
    const int n = narrow(layout.rows.extent, "rows");
    const ProcessGrid grid(comm, layout);
    const std::array<int, 9> description = grid.describe(layout);
    int info = 0;
    pdpotrf_("L", &n, A, &one, &one, description.data(), &info);
    return mpi::maximum(comm, info == 0 ? 0.0 : 1.0) == 0;
}

void solve_triangle_distributed(const mpi::Communicator& comm, const BlockCyclic& layout, bool transpose,
                                Index first, const double* A, double* B, Index m) {
    const int rows = narrow(layout.rows.extent - first, "rows");
    const int columns = narrow(m, "columns");
    const int from = narrow(first + 1, "row");
    const ProcessGrid grid(comm, layout);
    const std::array<int, 9> of_A = grid.describe(layout);
    const std::array<int, 9> of_B = grid.describe(columns_like(layout, m));
    pdtrsm_("L", "L", transpose ? "T" : "N", "N", &rows, &columns, &factor, A, &from, &from, of_A.data(), B,
            &from, &one, of_B.data());
}

void multiply_upper_distributed(const mpi::Communicator& comm, const BlockCyclic& layout, const double* A,
                                const double* B, double* C, Index m) {
    const int n = narrow(layout.rows.extent, "rows");
    const int columns = narrow(m, "columns");
    const ProcessGrid grid(comm, layout);
    const std::array<int, 9> of_A = grid.describe(layout);
    const std::array<int, 9> of_B = grid.describe(columns_like(layout, m));
    const double beta = 0;
    pdsymm_("L", "U", &n, &columns, &factor, A, &one, &one, of_A.data(), B, &one, &one, of_B.data(), &beta, C,
            &one, &one, of_B.data());
}

double condition_distributed(const mpi::Communicator& comm, const BlockCyclic& layout, const double* A,
                             double norm) {
    const int n = narrow(layout.rows.extent, "rows");
    const ProcessGrid grid(comm, layout);
    const std::array<int, 9> description = grid.describe(layout);
    double reciprocal = 0;
    std::vector<double> work(1);
    std::vector<int> iwork(1);
    int lwork = -1;
    int liwork = -1;
    int info = 0;
    for (int call = 0; call < 2; ++call) {  // first: how much work space?
        pdpocon_("L", &n, A, &one, &one, description.data(), &norm, &reciprocal, work.data(), &lwork,
                 iwork.data(), &liwork, &info);
        if (info != 0) fail(ExitCode::failed, "ScaLAPACK pdpocon failed (info = {})", info);
        if (call == 1) break;
        lwork = narrow(static_cast<Index>(work[0]), "work space");
        liwork = iwork[0];
        work.resize(at(lwork));
        iwork.resize(at(liwork));
    }
    return reciprocal;
}

}  // namespace tangram

#endif
