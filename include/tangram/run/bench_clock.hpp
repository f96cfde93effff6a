#pragma once
// Wall time of what all ranks do together: from a common start to the end of the slowest.

#include "tangram/support/agreement.hpp"
#include "tangram/support/stopwatch.hpp"

#include <functional>

namespace tangram {

/// Collective. Starts `work`, which makes no collective call, on all ranks together; the seconds that the
/// slowest took. Throws as agree() does.
inline double time_of_slowest(const mpi::Communicator& world, const std::function<void()>& work) {
    double seconds = 0;
    mpi::barrier(world);
    agree(world, [&] {
        const Stopwatch watch;
        work();
        seconds = watch.seconds();
    });
    return mpi::maximum(world, seconds);
}

}  // namespace tangram
