#pragma once
// How many threads a rank should use when nobody says.

#include "tangram/support/mpi.hpp"

namespace tangram {

/// Collective. OMP_NUM_THREADS where it is set; otherwise the cores of this rank's affinity mask, shared with
/// the ranks of its node that have the same mask (a launcher that binds gives each rank a mask of its own).
/// At least 1.
int default_threads(const mpi::Communicator& world);

}  // namespace tangram
