#include "session.hpp"

#include <slepcsys.h>

#include <cstdlib>

namespace tangram::krylov {

namespace {

PetscErrorCode silently(MPI_Comm, int, const char*, const char*, PetscErrorCode code, PetscErrorType,
                        const char*, void*) {
    return code;
}

}  // namespace

PetscErrorCode start(MPI_Comm comm) {
    PetscBool started = PETSC_FALSE;
    PetscCall(SlepcInitialized(&started));
    if (started == PETSC_TRUE) return ok;
    unsetenv("PETSC_OPTIONS");
    unsetenv("PETSC_OPTIONS_YAML");
    PETSC_COMM_WORLD = comm;
    PetscCall(PetscOptionsSetValue(nullptr, "-no_signal_handler", "true"));
    PetscCall(PetscOptionsSetValue(nullptr, "-skip_petscrc", "true"));
    PetscCall(SlepcInitializeNoArguments());
    PetscCall(PetscPushErrorHandler(silently, nullptr));
    return ok;
}

int outcome(PetscErrorCode code, const char* doing, char* message) {
    if (code == ok) return krylov_done;
    if (code == stopped_by_callback) return krylov_stopped;
    const char* text = nullptr;
    PetscErrorMessage(code, &text, nullptr);
    std::snprintf(message, message_bytes, "%s: %s (error %d)", doing,
                  text == nullptr ? "no more is known" : text, static_cast<int>(code));
    return krylov_failed;
}

}  // namespace tangram::krylov

extern "C" void tangram_krylov_finish(void) {
    PetscBool started = PETSC_FALSE;
    if (SlepcInitialized(&started) == 0 && started == PETSC_TRUE) SlepcFinalize();
}
