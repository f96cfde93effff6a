#include "tangram/support/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace tangram {

namespace {

constexpr int most_threads = 4096;

cpu_set_t own_mask() {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    if (sched_getaffinity(0, sizeof mask, &mask) != 0) CPU_SET(0, &mask);
    return mask;
}

/// Collective. Of all ranks of the node.
std::vector<cpu_set_t> masks_of(const mpi::Communicator& node, cpu_set_t mine) {
    std::vector<cpu_set_t> masks(static_cast<std::size_t>(node.size()));
    MPI_Allgather(&mine, sizeof mine, MPI_BYTE, masks.data(), sizeof mine, MPI_BYTE, node.get());
    return masks;
}

bool is_within(const cpu_set_t& part, const cpu_set_t& whole) {
    cpu_set_t common;
    CPU_AND(&common, &part, &whole);
    return CPU_EQUAL(&common, &part) != 0;
}

/// The threads of all ranks that have no other cores than these.
CoreUse use_of(const cpu_set_t& cores, const std::vector<cpu_set_t>& masks, const std::vector<int>& threads) {
    CoreUse use{0, CPU_COUNT(&cores)};
    for (std::size_t rank = 0; rank < masks.size(); ++rank) {
        if (is_within(masks[rank], cores)) use.threads += threads[rank];
    }
    return use;
}

}  // namespace

int allowed_cores() {
    const cpu_set_t mask = own_mask();
    return CPU_COUNT(&mask);
}

CoreUse core_use(const mpi::Communicator& world, int threads) {
    const mpi::Communicator node = world.split_by_node();
    const std::vector<cpu_set_t> masks = masks_of(node, own_mask());
    std::vector<int> threads_of(masks.size());
    MPI_Allgather(&threads, 1, MPI_INT, threads_of.data(), 1, MPI_INT, node.get());
    cpu_set_t all;
    CPU_ZERO(&all);
    for (const cpu_set_t& mask : masks) CPU_OR(&all, &all, &mask);
    const CoreUse own = use_of(own_mask(), masks, threads_of);
    const CoreUse together = use_of(all, masks, threads_of);
    return own.threads * together.cores > together.threads * own.cores ? own : together;
}

int default_threads(const mpi::Communicator& world) {
    const mpi::Communicator node = world.split_by_node();
    const cpu_set_t mine = own_mask();
    const std::vector<cpu_set_t> masks = masks_of(node, mine);
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
