#pragma once
// HDF5 files that all ranks have open together, under MPI-IO. In such a file creating datasets and attributes
// is Collective, and so is closing; writing a block is not.

#include "tangram/support/hdf5.hpp"
#include "tangram/support/mpi.hpp"

#include <string>
#include <utility>
#include <vector>

namespace tangram::h5 {

/// Key and value of what MPI-IO is told when it creates a file (MPI standard, "File Info"; ROMIO and ompio have keys
/// of their own, such as striping_factor on Lustre). It ignores keys that it does not know.
using MpiIoHints = std::vector<std::pair<std::string, std::string>>;

/// Collective. Creates (or truncates) `path`, newest file format, metadata written collectively.
Handle create_parallel(const std::string& path, const mpi::Communicator& comm, const MpiIoHints& hints = {});

}  // namespace tangram::h5
