#pragma once
// A matrix, and a preconditioner, that are callbacks.

#include "session.hpp"

#include <petscmat.h>

namespace tangram::krylov {

/// y = f(v) on the arrays of two vectors of these ranks.
template <class Act>
PetscErrorCode on_arrays(Vec v, Vec y, Act act) {
    const PetscScalar* from = nullptr;
    PetscScalar* to = nullptr;
    PetscCall(VecGetArrayRead(v, &from));
    PetscCall(VecGetArrayWrite(y, &to));
    const int ended = act(from, to);
    PetscCall(VecRestoreArrayWrite(y, &to));
    PetscCall(VecRestoreArrayRead(v, &from));
    return ended == 0 ? ok : stopped_by_callback;
}

inline PetscErrorCode multiply(Mat matrix, Vec v, Vec y) {
    void* context = nullptr;
    PetscCall(MatShellGetContext(matrix, &context));
    const auto* A = static_cast<const KrylovOperator*>(context);
    return on_arrays(v, y, [&](const double* from, double* to) { return A->act(A->self, from, to); });
}

inline PetscErrorCode make_shell(MPI_Comm comm, const KrylovOperator* A, Mat* matrix) {
    const auto local = static_cast<PetscInt>(A->local);
    const auto extent = static_cast<PetscInt>(A->extent);
    PetscCall(MatCreateShell(comm, local, local, extent, extent, const_cast<KrylovOperator*>(A), matrix));
    using Operation = void (*)(void);
    PetscCall(MatShellSetOperation(*matrix, MATOP_MULT, reinterpret_cast<Operation>(multiply)));
    PetscCall(MatSetOption(*matrix, MAT_SYMMETRIC, PETSC_TRUE));
    return ok;
}

/// A vector of these ranks with a copy of `values`.
inline PetscErrorCode make_vector(Mat matrix, const double* values, Vec* v) {
    PetscInt local = 0;
    PetscScalar* to = nullptr;
    PetscCall(MatCreateVecs(matrix, v, nullptr));
    PetscCall(VecGetLocalSize(*v, &local));
    PetscCall(VecGetArrayWrite(*v, &to));
    for (PetscInt i = 0; i < local; ++i) to[i] = values[i];
    PetscCall(VecRestoreArrayWrite(*v, &to));
    return ok;
}

inline PetscErrorCode copy_out(Vec v, double* values) {
    PetscInt local = 0;
    const PetscScalar* from = nullptr;
    PetscCall(VecGetLocalSize(v, &local));
    PetscCall(VecGetArrayRead(v, &from));
    for (PetscInt i = 0; i < local; ++i) values[i] = from[i];
    PetscCall(VecRestoreArrayRead(v, &from));
    return ok;
}

}  // namespace tangram::krylov
