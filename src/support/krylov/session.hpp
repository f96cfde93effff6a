#pragma once
// PETSc and SLEPc as a guest in this program: no signal handler, no options from files or the environment, errors returned.

#include "interface.hpp"

#include <petscsys.h>

#include <cstdio>

namespace tangram::krylov {

constexpr std::size_t message_bytes = 512;
constexpr PetscErrorCode ok = 0;

/// Starts SLEPc on these ranks, once a process.
PetscErrorCode start(MPI_Comm comm);

/// A code of ours in the place of PETSc's: what a callback's refusal comes back as.
constexpr PetscErrorCode stopped_by_callback = PETSC_ERR_USER;

/// What the solver's error code means.
int outcome(PetscErrorCode code, const char* doing, char* message);

}  // namespace tangram::krylov
