// The largest eigenpairs, by SLEPc's Krylov-Schur.

#include "shell.hpp"

#include <slepceps.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace tangram::krylov {

namespace {

/// Residuals count against the largest eigenvalue that was seen, so that eigenvalues of zero converge too.
PetscErrorCode relative_to_largest(EPS, PetscScalar value, PetscScalar, PetscReal residual, PetscReal* error,
                                   void* context) {
    auto& largest = *static_cast<double*>(context);
    largest = std::max(largest, std::abs(value));
    *error = largest > 0 ? residual / largest : residual;
    return ok;
}

PetscErrorCode show_progress(EPS eps, PetscInt, PetscInt converged, PetscScalar*, PetscScalar*, PetscReal*,
                             PetscInt, void* context) {
    const auto& request = *static_cast<const KrylovEigenRequest*>(context);
    BV basis = nullptr;
    PetscInt columns = 0;
    PetscCall(EPSGetBV(eps, &basis));
    PetscCall(BVGetSizes(basis, nullptr, nullptr, &columns));
    const PetscInt shown = std::min(converged + 1, columns);
    std::vector<const PetscScalar*> arrays(static_cast<std::size_t>(shown));
    PetscInt known = 0;
    PetscCall(BVGetNumConstraints(basis, &known));
    PetscInt local = 0;
    PetscCall(BVGetSizes(basis, &local, nullptr, nullptr));
    const PetscScalar* all = nullptr;
    PetscCall(BVGetArrayRead(basis, &all));  // constraints first, then the columns
    for (PetscInt k = 0; k < shown; ++k)
        arrays[static_cast<std::size_t>(k)] = all + static_cast<std::ptrdiff_t>(known + k) * local;
    const int ended = request.after_restart(request.self, converged, arrays.data());
    PetscCall(BVRestoreArrayRead(basis, &all));
    return ended == 0 ? ok : stopped_by_callback;
}

PetscErrorCode deflate(EPS eps, Mat matrix, const KrylovOperator& A, const KrylovEigenRequest& request) {
    std::vector<Vec> known(static_cast<std::size_t>(request.known), nullptr);
    for (std::size_t k = 0; k < known.size(); ++k)
        PetscCall(make_vector(matrix, request.deflation + static_cast<std::int64_t>(k) * A.local, &known[k]));
    PetscCall(EPSSetDeflationSpace(eps, static_cast<PetscInt>(known.size()), known.data()));
    for (Vec& v : known) PetscCall(VecDestroy(&v));
    return ok;
}

PetscErrorCode read_pairs(EPS eps, Mat matrix, const KrylovOperator& A, const KrylovEigenRequest& request,
                          KrylovEigenResult* result) {
    PetscInt converged = 0;
    PetscInt restarts = 0;
    PetscCall(EPSGetConverged(eps, &converged));
    PetscCall(EPSGetIterationNumber(eps, &restarts));
    result->restarts = restarts;
    result->found = std::min<std::int64_t>(converged, request.count);
    result->converged = converged >= request.count ? 1 : 0;
    Vec v = nullptr;
    PetscCall(MatCreateVecs(matrix, &v, nullptr));
    for (std::int64_t k = 0; k < result->found; ++k) {
        PetscCall(EPSGetEigenpair(eps, static_cast<PetscInt>(k), result->values + k, nullptr, v, nullptr));
        PetscCall(copy_out(v, result->vectors + k * A.local));
    }
    PetscCall(VecDestroy(&v));
    return ok;
}

PetscErrorCode largest(MPI_Comm comm, const KrylovOperator& A, const KrylovEigenRequest& request,
                       KrylovEigenResult* result) {
    Mat matrix = nullptr;
    EPS eps = nullptr;
    Vec begin = nullptr;
    double seen = 0;
    PetscCall(start(comm));
    PetscCall(make_shell(comm, &A, &matrix));
    PetscCall(EPSCreate(comm, &eps));
    PetscCall(EPSSetOperators(eps, matrix, nullptr));
    PetscCall(EPSSetProblemType(eps, EPS_HEP));
    PetscCall(EPSSetType(eps, EPSKRYLOVSCHUR));
    PetscCall(EPSSetWhichEigenpairs(eps, EPS_LARGEST_REAL));
    const auto count = static_cast<PetscInt>(request.count);
    const auto room = static_cast<PetscInt>(A.extent - request.known);
    PetscCall(EPSSetDimensions(eps, count, std::min(room, std::max(2 * count, count + 24)), PETSC_DEFAULT));
    PetscCall(EPSSetTolerances(eps, request.tolerance, static_cast<PetscInt>(request.most_restarts)));
    PetscCall(EPSSetConvergenceTestFunction(eps, relative_to_largest, &seen, nullptr));
    if (request.known > 0) PetscCall(deflate(eps, matrix, A, request));
    PetscCall(make_vector(matrix, request.start, &begin));
    PetscCall(EPSSetInitialSpace(eps, 1, &begin));
    if (request.after_restart != nullptr)
        PetscCall(EPSMonitorSet(eps, show_progress, const_cast<KrylovEigenRequest*>(&request), nullptr));
    PetscCall(EPSSolve(eps));
    PetscCall(read_pairs(eps, matrix, A, request, result));
    PetscCall(VecDestroy(&begin));
    PetscCall(EPSDestroy(&eps));
    PetscCall(MatDestroy(&matrix));
    return ok;
}

}  // namespace

}  // namespace tangram::krylov

extern "C" int tangram_krylov_largest(MPI_Comm comm, const KrylovOperator* A,
                                      const KrylovEigenRequest* request, KrylovEigenResult* result,
                                      char* message) {
    using namespace tangram::krylov;
    return outcome(largest(comm, *A, *request, result), "SLEPc's Krylov-Schur", message);
}
