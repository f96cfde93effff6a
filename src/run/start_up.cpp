#include "tangram/run/start_up.hpp"

#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/cores.hpp"
#include "tangram/support/striping.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <vector>

namespace tangram {

namespace {

/// Of hundreds of hosts the first few will do.
constexpr std::size_t most_named = 4;

template <class Names>
std::string first_few(const Names& names) {
    std::vector<std::string> few;
    for (const std::string& name : names) {
        if (few.size() == most_named) break;
        few.push_back(name);
    }
    const std::size_t others = names.size() - few.size();
    return fmt::format("{}{}", fmt::join(few, ", "), others == 0 ? "" : fmt::format(" and {} more", others));
}

std::string counted(std::size_t count, const std::string& what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// "2", or "2 to 4" where the ranks differ.
std::string range(const mpi::Communicator& world, int value) {
    const double least = mpi::minimum(world, value);
    const double most = mpi::maximum(world, value);
    return least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most);
}

/// Collective. Warns once for each host whose threads share cores.
void warn_of_shared_cores(const mpi::Communicator& world, int threads, const std::string& host, Log& log) {
    const CoreUse use = core_use(world, threads);
    const bool shared = use.threads > use.cores;
    const std::vector<std::string> lines =
        mpi::gather(world, shared ? fmt::format("{} on the {} of {}", counted(at(use.threads), "thread"),
                                                counted(at(use.cores), "core"), host)
                                  : std::string());
    std::set<std::string> crowded(lines.begin(), lines.end());
    crowded.erase("");
    if (crowded.empty()) return;
    log.warn(
        "ranks x threads exceed the cores that the affinity masks allow ({}): give fewer --threads or ranks, or let the launcher bind each rank to more cores",
        first_few(crowded));
}

void warn_of_different_kernels(const std::vector<std::string>& hosts, const std::vector<std::string>& kernels,
                               Log& log) {
    std::map<std::string, std::set<std::string>> hosts_of;
    for (std::size_t rank = 0; rank < kernels.size(); ++rank) hosts_of[kernels[rank]].insert(hosts[rank]);
    if (hosts_of.size() < 2) return;
    std::vector<std::string> parts;
    for (const auto& [kernel, names] : hosts_of)
        parts.push_back(fmt::format("{} on {}", kernel, first_few(names)));
    log.warn(
        "the hosts' BLAS kernels differ ({}): the last bits of a tile depend on where it was computed; set OPENBLAS_CORETYPE for all ranks to the kernel of the oldest host",
        fmt::join(parts, "; "));
}

}  // namespace

int threads_for_products(const mpi::Communicator& world, const std::optional<std::int64_t>& wanted) {
    const int threads = wanted ? static_cast<int>(*wanted) : default_threads(world);
    agree(world, [&] { blas::take_buffers(threads); });
    return threads;
}

void say_where_it_runs(const mpi::Communicator& world, int threads, Log& log) {
    const std::string host = mpi::host_name();
    const std::vector<std::string> hosts = mpi::gather(world, host);
    const std::vector<std::string> kernels = mpi::gather(world, blas::kernel_name());
    const std::set<std::string> names(hosts.begin(), hosts.end());
    const std::string threads_each = range(world, threads);
    const std::string cores_each = range(world, allowed_cores());
    log.info("{} on {} ({}), threads each: {}, cores each may use: {}, BLAS kernel {}",
             counted(at(world.size()), "rank"), counted(names.size(), "host"), first_few(names), threads_each,
             cores_each, first_few(std::set<std::string>(kernels.begin(), kernels.end())));
    warn_of_shared_cores(world, threads, host, log);
    warn_of_different_kernels(hosts, kernels, log);
}

void warn_of_one_server(const std::string& path, Log& log) {
    const auto server = one_server(path);
    if (!server) return;
    const bool lustre = *server == OneServer::lustre_with_one_stripe;
    log.warn("the output is on {}: one server takes what all ranks write ({}): {}",
             lustre                      ? "Lustre with one stripe"
             : *server == OneServer::nfs ? "NFS"
                                         : "SMB",
             path,
             lustre ? "begin afresh after 'lfs setstripe -c 8' on its directory"
                    : "choose an --output on a parallel file system or a local disk");
}

}  // namespace tangram
