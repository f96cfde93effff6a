#include "tangram/support/cores.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <vector>

using namespace tangram;

namespace {

/// The affinity mask of this rank, put back at the end.
class Affinity {
public:
    Affinity() { sched_getaffinity(0, sizeof before_, &before_); }
    ~Affinity() { sched_setaffinity(0, sizeof before_, &before_); }
    Affinity(const Affinity&) = delete;
    Affinity& operator=(const Affinity&) = delete;
    /// Leaves the k-th of the cores that are allowed, counted round.
    void narrow_to(int k) const {
        std::vector<int> cores;
        for (int core = 0; core < CPU_SETSIZE; ++core) {
            if (CPU_ISSET(static_cast<std::size_t>(core), &before_)) cores.push_back(core);
        }
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<std::size_t>(cores[static_cast<std::size_t>(k) % cores.size()]), &one);
        sched_setaffinity(0, sizeof one, &one);
    }

private:
    cpu_set_t before_{};
};

}  // namespace

TEST_CASE("ranks that may use all cores share all of them") {
    const auto world = mpi::Communicator::world();
    const CoreUse use = core_use(world, 3);
    CHECK(use.cores == allowed_cores());
    CHECK(use.threads == 3 * world.size());
}

TEST_CASE("ranks bound to one core are seen to crowd it, though others are free") {
    const auto world = mpi::Communicator::world();
    const Affinity affinity;
    affinity.narrow_to(0);
    const CoreUse use = core_use(world, 2);
    CHECK(allowed_cores() == 1);
    CHECK(use.cores == 1);
    CHECK(use.threads == 2 * world.size());
}

TEST_CASE("a rank with more threads than its own cores is seen, whatever the others have") {
    const auto world = mpi::Communicator::world();
    const Affinity affinity;
    affinity.narrow_to(world.rank());
    const CoreUse use = core_use(world, world.is_root() ? 5 : 1);
    if (world.is_root()) CHECK(use.threads > use.cores);
    if (world.is_root()) CHECK(use.threads >= 5);
}
