#pragma once
// Between the program and libtangram_krylov.so: plain C, so that neither sees the other's exceptions or classes.
//
// A callback returns 0, or anything else to end the solver, which then returns krylov_stopped.

#include <mpi.h>

#include <cstdint>

extern "C" {

struct KrylovOperator {
    void* self;
    int (*act)(void* self, const double* v, double* y);
    std::int64_t local, extent;
};

struct KrylovEigenRequest {
    std::int64_t count;
    double tolerance;
    std::int64_t most_restarts;
    const double* start;      ///< (local)
    const double* deflation;  ///< (known, local), or null
    std::int64_t known;
    void* self;
    int (*after_restart)(void* self, std::int64_t converged,
                         const double* const* columns);  ///< converged + 1 of them, or null
};

struct KrylovEigenResult {
    std::int64_t found;  ///< at most count
    double* values;      ///< (count)
    double* vectors;     ///< (count, local)
    std::int64_t restarts;
    int converged;
};

struct KrylovSolveRequest {
    double tolerance;
    std::int64_t most_steps;
    const double* b;
    double* x;
    void* self;
    int (*precondition)(void* self, const double* r, double* z);        ///< or null
    int (*after_step)(void* self, std::int64_t step, double residual);  ///< or null
};

struct KrylovSolveResult {
    std::int64_t steps;
    int converged;
};

enum { krylov_done = 0, krylov_stopped = 1, krylov_failed = 2 };

/// Collective. `message` (512 bytes) says what failed.
int tangram_krylov_largest(MPI_Comm comm, const KrylovOperator* A, const KrylovEigenRequest* request,
                           KrylovEigenResult* result, char* message);
int tangram_krylov_solve(MPI_Comm comm, const KrylovOperator* A, const KrylovSolveRequest* request,
                         KrylovSolveResult* result, char* message);
/// Collective, before MPI ends; not where an error is on its way.
void tangram_krylov_finish(void);
}
