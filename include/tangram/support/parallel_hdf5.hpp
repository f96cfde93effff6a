#pragma once
// HDF5 files that all ranks have open together, under MPI-IO. In such a file creating datasets and attributes
// is Collective, and so is closing; writing a block is not.

#include "tangram/support/hdf5.hpp"
#include "tangram/support/mpi.hpp"

#include <string>

namespace tangram::h5 {

/// Collective. Creates (or truncates) `path`, newest file format, metadata written collectively.
Handle create_parallel(const std::string& path, const mpi::Communicator& comm);

}  // namespace tangram::h5
