#pragma once
// What the launcher (mpirun, srun) has told this process in its environment, before MPI is up.

namespace tangram {

/// Whether this process is rank 0 of its job, or alone.
bool launched_first();

/// Whether no launcher is to be seen: the process is a job of its own.
bool launched_alone();

/// Whether srun started this process without PMIx. Open MPI would then end the process in MPI_Init, once on every
/// rank, in words that say nothing of srun.
bool launched_without_pmix();

/// What is said of that.
inline constexpr const char* without_pmix =
    "srun started this program without PMIx, which Open MPI needs: use `srun --mpi=pmix`, or mpirun inside the allocation";

}  // namespace tangram
