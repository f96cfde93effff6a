#include "tangram/output/provenance.hpp"

#include "tangram/support/blas.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

namespace tangram {

std::string software_version() {
    return TANGRAM_VERSION;
}

std::string git_commit() {
    return TANGRAM_GIT_COMMIT;
}

std::string compiler() {
    return TANGRAM_COMPILER;
}

std::string version_line() {
    return fmt::format("tangram {} ({})", software_version(), git_commit());
}

std::string timestamp() {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

Provenance gather_provenance(const mpi::Communicator& comm, std::string command_line,
                             std::string configuration) {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    Provenance provenance;
    provenance.command_line = std::move(command_line);
    provenance.configuration = std::move(configuration);
    provenance.hosts = mpi::gather(comm, host.data());
    std::sort(provenance.hosts.begin(), provenance.hosts.end());
    provenance.hosts.erase(std::unique(provenance.hosts.begin(), provenance.hosts.end()),
                           provenance.hosts.end());
    provenance.blas_kernel = blas::kernel_name();
    const char* job =
        std::getenv("SLURM_JOB_ID");  // NOLINT(concurrency-mt-unsafe): nothing changes the environment
    provenance.slurm_job_id = job != nullptr ? job : "";
    return provenance;
}

}  // namespace tangram
