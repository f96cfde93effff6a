#include "tangram/file/provenance.hpp"

#include "tangram/support/blas.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
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

namespace {

std::string slurm_job() {
    const char* job =
        std::getenv("SLURM_JOB_ID");  // NOLINT(concurrency-mt-unsafe): nothing changes the environment
    return job != nullptr ? job : "";
}

}  // namespace

std::string lock_holder_line() {
    const std::string job = slurm_job();
    return fmt::format("host {}, process {}{}{}, since {}", mpi::host_name(), getpid(),
                       job.empty() ? "" : ", Slurm job ", job, timestamp());
}

Provenance gather_provenance(const mpi::Communicator& comm, std::string command_line,
                             std::string configuration) {
    Provenance provenance;
    provenance.command_line = std::move(command_line);
    provenance.configuration = std::move(configuration);
    provenance.hosts = mpi::gather(comm, mpi::host_name());
    std::sort(provenance.hosts.begin(), provenance.hosts.end());
    provenance.hosts.erase(std::unique(provenance.hosts.begin(), provenance.hosts.end()),
                           provenance.hosts.end());
    provenance.blas_kernel = blas::kernel_name();
    provenance.slurm_job_id = slurm_job();
    return provenance;
}

std::vector<std::string> inputs_as_json(const std::vector<FileDigest>& inputs) {
    std::vector<std::string> all;
    for (const FileDigest& input : inputs) {
        const nlohmann::json entry{{"name", input.path}, {"bytes", input.bytes}, {"sha256", input.sha256}};
        all.push_back(entry.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    return all;
}

}  // namespace tangram
