#pragma once
// What the ranks tell each other while each computes its tiles: small sums over all ranks, one after another, never
// waited for. Every rank sees the same sums in the same order, so all decide alike, at the same sum.
//
//                rank 0            rank 1                          rank 0            rank 1
//   BEFORE       5 tiles           7 tiles, asked to stop   AFTER  12 tiles, stop    12 tiles, stop

#include "tangram/support/mpi.hpp"
#include "tangram/support/progress.hpp"
#include "tangram/support/stop_request.hpp"

#include <array>
#include <chrono>

namespace tangram {

class JobPulse {
public:
    /// Collective.
    JobPulse(const mpi::Communicator& world, Progress& progress, const StopRequest& stop);
    JobPulse(const JobPulse&) = delete;
    JobPulse& operator=(const JobPulse&) = delete;

    /// Another tile of this rank is done, which took so many operations.
    void count(double operations);
    /// Moves the sums on. Returns false once the ranks have agreed to stop. Call it often.
    bool beat();
    /// Collective. This rank has no tile left: waits for the others. False if the ranks have agreed to stop instead.
    bool all_done();

private:
    struct Tally {
        double tiles = 0, operations = 0, finished = 0, stops = 0;
    };
    void begin_sum();
    void take_sum();

    mpi::Communicator comm_;
    Progress& progress_;
    const StopRequest& stop_;
    Tally mine_;
    Tally sent_, total_;  ///< what MPI reads and writes until the request is done
    MPI_Request request_ = MPI_REQUEST_NULL;
    std::chrono::steady_clock::time_point last_;
    bool decided_ = false;  ///< all done or all stopping: no further sum
    bool stopping_ = false;
};

}  // namespace tangram
