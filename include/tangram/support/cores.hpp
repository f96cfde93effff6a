#pragma once
// How many threads a rank should use when nobody says.

#include "tangram/support/mpi.hpp"

namespace tangram {

/// Collective. OMP_NUM_THREADS where it is set; otherwise the cores of this rank's affinity mask, shared with
/// the ranks of its node that have the same mask (a launcher that binds gives each rank a mask of its own).
/// At least 1.
int default_threads(const mpi::Communicator& world);

/// How many cores this rank's affinity mask allows.
int allowed_cores();

struct CoreUse {
    int threads = 0;  ///< that run on them, of all ranks of the node
    int cores = 0;
};

/// Collective. The most crowded set of cores that this rank's threads run on: its own mask with the ranks inside it, or
/// all masks of its node together.
CoreUse core_use(const mpi::Communicator& world, int threads);

}  // namespace tangram
