#pragma once
// Where a result comes from: program, build, machine, inputs.

#include "tangram/support/hash.hpp"
#include "tangram/support/mpi.hpp"

#include <string>
#include <vector>

namespace tangram {

std::string software_version();
std::string git_commit();

/// One line for --version.
std::string version_line();

struct Provenance {
    std::string command_line;
    std::string configuration;  ///< TOML, as --config reads it
    std::string identity;       ///< JSON: what decides every bit (life/identity.hpp)
    std::vector<FileDigest> inputs;
    std::vector<std::string> hosts;  ///< one a node, each once
    std::string blas_kernel;
    std::string slurm_job_id;  ///< "" outside Slurm
};

/// Collective. What this run can say of itself, on root; the inputs are added by the caller.
Provenance gather_provenance(const mpi::Communicator& comm, std::string command_line,
                             std::string configuration);

/// Who writes an output: host, process, Slurm job if there is one, since when.
std::string lock_holder_line();

/// The time now, ISO 8601, UTC.
std::string timestamp();

/// Name, bytes and digest of each file, as JSON.
std::vector<std::string> inputs_as_json(const std::vector<FileDigest>& inputs);

/// The compiler that built this program.
std::string compiler();

}  // namespace tangram
