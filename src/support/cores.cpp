#include "tangram/support/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace tangram {

namespace {

constexpr int most_threads = 4096;

}  // namespace

int default_threads(const mpi::Communicator& world) {
    const mpi::Communicator node = world.split_by_node();
    cpu_set_t mine;
    CPU_ZERO(&mine);
    if (sched_getaffinity(0, sizeof mine, &mine) != 0) CPU_SET(0, &mine);
    std::vector<cpu_set_t> masks(static_cast<std::size_t>(node.size()));
    MPI_Allgather(&mine, sizeof mine, MPI_BYTE, masks.data(), sizeof mine, MPI_BYTE, node.get());

    if (const char* wanted = std::getenv(
            "OMP_NUM_THREADS")) {  // NOLINT(concurrency-mt-unsafe): nothing changes the environment
        const int threads = std::atoi(wanted);  // NOLINT(cert-err34-c): what is no number gives 0
        if (threads > 0) return std::min(threads, most_threads);
    }
    // This rank's own mask is among them, so that it is 1 at least.
    const auto sharing = std::max<std::ptrdiff_t>(
        1, std::count_if(masks.begin(), masks.end(),
                         [&](const cpu_set_t& mask) { return CPU_EQUAL(&mask, &mine) != 0; }));
    return std::max(1, CPU_COUNT(&mine) / static_cast<int>(sharing));
}

}  // namespace tangram
