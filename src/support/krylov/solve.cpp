// A x = b, by PETSc's conjugate gradients; the residual that it goes by is that of the system itself.

#include "shell.hpp"

#include <petscksp.h>

namespace tangram::krylov {

namespace {

PetscErrorCode apply_preconditioner(PC pc, Vec r, Vec z) {
    void* context = nullptr;
    PetscCall(PCShellGetContext(pc, &context));
    const auto& request = *static_cast<const KrylovSolveRequest*>(context);
    return on_arrays(
        r, z, [&](const double* from, double* to) { return request.precondition(request.self, from, to); });
}

struct Watch {
    const KrylovSolveRequest* request;
    double size_of_b;
};

PetscErrorCode show_progress(KSP, PetscInt step, PetscReal residual, void* context) {
    const auto& watch = *static_cast<const Watch*>(context);
    const double relative = watch.size_of_b > 0 ? residual / watch.size_of_b : residual;
    return watch.request->after_step(watch.request->self, step, relative) == 0 ? ok : stopped_by_callback;
}

PetscErrorCode prepare(KSP ksp, Mat matrix, const KrylovSolveRequest& request) {
    PC pc = nullptr;
    PetscCall(KSPSetOperators(ksp, matrix, matrix));
    PetscCall(KSPSetType(ksp, KSPCG));
    PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
    PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
    PetscCall(KSPSetTolerances(ksp, request.tolerance, PETSC_DEFAULT, PETSC_DEFAULT,
                               static_cast<PetscInt>(request.most_steps)));
    PetscCall(KSPConvergedDefaultSetUIRNorm(ksp));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCSetType(pc, request.precondition == nullptr ? PCNONE : PCSHELL));
    if (request.precondition == nullptr) return ok;
    PetscCall(PCShellSetContext(pc, const_cast<KrylovSolveRequest*>(&request)));
    PetscCall(PCShellSetApply(pc, apply_preconditioner));
    return ok;
}

PetscErrorCode solve(MPI_Comm comm, const KrylovOperator& A, const KrylovSolveRequest& request,
                     KrylovSolveResult* result) {
    Mat matrix = nullptr;
    KSP ksp = nullptr;
    Vec b = nullptr;
    Vec x = nullptr;
    PetscCall(start(comm));
    PetscCall(make_shell(comm, &A, &matrix));
    PetscCall(make_vector(matrix, request.b, &b));
    PetscCall(make_vector(matrix, request.x, &x));
    PetscCall(KSPCreate(comm, &ksp));
    PetscCall(prepare(ksp, matrix, request));
    Watch watch{&request, 0};
    PetscCall(VecNorm(b, NORM_2, &watch.size_of_b));
    if (request.after_step != nullptr) PetscCall(KSPMonitorSet(ksp, show_progress, &watch, nullptr));
    PetscCall(KSPSolve(ksp, b, x));
    KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
    PetscInt steps = 0;
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCall(KSPGetIterationNumber(ksp, &steps));
    PetscCall(copy_out(x, request.x));
    *result = {steps, reason > 0 ? 1 : 0};
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&b));
    PetscCall(KSPDestroy(&ksp));
    PetscCall(MatDestroy(&matrix));
    return ok;
}

}  // namespace

}  // namespace tangram::krylov

extern "C" int tangram_krylov_solve(MPI_Comm comm, const KrylovOperator* A, const KrylovSolveRequest* request,
                                    KrylovSolveResult* result, char* message) {
    using namespace tangram::krylov;
    return outcome(solve(comm, *A, *request, result), "PETSc's conjugate gradients", message);
}
