// ELPA (Marek et al., "The ELPA library: scalable parallel eigenvalue solutions for electronic structure theory and
// computational science", J. Phys.: Condens. Matter 26, 2014). Its own header is C only; what is used of it is declared here.

#ifdef TANGRAM_HAVE_ELPA

#include "eigen_backends.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/narrow.hpp"

#include <elpa/elpa_constants.h>

extern "C" {
struct elpa_struct;
int elpa_init(int api_version);
elpa_struct* elpa_allocate(int* error);
void elpa_deallocate(elpa_struct* handle, int* error);
int elpa_setup(elpa_struct* handle);
void elpa_set_integer(elpa_struct* handle, const char* name, int value, int* error);
void elpa_eigenvalues_double(elpa_struct* handle, double* a, double* ev, int* error);
void elpa_eigenvectors_double(elpa_struct* handle, double* a, double* ev, double* q, int* error);
}

namespace tangram {

namespace {

constexpr int api_version = 20211125;

void require_ok(int error, const char* doing) {
    if (error != ELPA_OK) fail(ExitCode::failed, "ELPA failed {} (error {})", doing, error);
}

/// Owns ELPA's handle of one problem.
class Problem {
public:
    Problem(const mpi::Communicator& comm, const BlockCyclic& layout, Index wanted, bool vectors) {
        require_ok(elpa_init(api_version), "to start");
        int error = ELPA_OK;
        handle_ = elpa_allocate(&error);
        require_ok(error, "to make a problem");
        set("na", layout.rows.extent);
        set("nev", wanted);
        set("local_nrows", layout.rows.local_extent());
        set("local_ncols", layout.cols.local_extent());
        set("nblk", layout.rows.block);
        set("mpi_comm_parent", MPI_Comm_c2f(comm.get()));
        set("process_row", layout.rows.place);
        set("process_col", layout.cols.place);
        require_ok(elpa_setup(handle_), "to set the problem up");
        set("solver", vectors ? ELPA_SOLVER_1STAGE : ELPA_SOLVER_2STAGE);
    }
    ~Problem() {
        int error = ELPA_OK;
        elpa_deallocate(handle_, &error);
    }
    Problem(const Problem&) = delete;
    Problem& operator=(const Problem&) = delete;
    [[nodiscard]] elpa_struct* get() const { return handle_; }

private:
    void set(const char* name, Index value) {
        int error = ELPA_OK;
        elpa_set_integer(handle_, name, static_cast<int>(value), &error);
        require_ok(error, name);
    }
    elpa_struct* handle_ = nullptr;
};

}  // namespace

EigenPairs solve_with_elpa(const mpi::Communicator& comm, const BlockCyclic& layout, AlignedBuffer<double>& A,
                           bool vectors) {
    const Index n = layout.rows.extent;
    narrow(layout.local_size(), "entries of the matrix a rank");
    EigenPairs pairs;
    pairs.values.assign(at(n), 0);
    const Problem problem(comm, layout, n, vectors);
    int error = ELPA_OK;
    if (vectors) {
        pairs.vectors = AlignedBuffer<double>(layout.local_size());
        elpa_eigenvectors_double(problem.get(), A.data(), pairs.values.data(), pairs.vectors.data(), &error);
    } else {
        elpa_eigenvalues_double(problem.get(), A.data(), pairs.values.data(), &error);
    }
    require_ok(error, "to find eigenvalues");
    pairs.solver = vectors ? "ELPA 1-stage" : "ELPA 2-stage";
    return pairs;
}

}  // namespace tangram

#endif
