#pragma once
// How far all ranks are with their tiles, known on rank 0 while it works on its own:
//
//   every rank     counts its tiles, and now and then sends the counts to rank 0, never waiting
//   rank 0         adds up what has come, and shows it (support/progress.hpp)

#include "tangram/kernel/partition.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/support/progress.hpp"

#include <array>
#include <chrono>
#include <vector>

namespace tangram {

class JobProgress {
public:
    /// Collective. `operations_per_entry`: what one kernel entry of a tile costs.
    JobProgress(const mpi::Communicator& world, Progress& progress, double operations_per_entry);
    JobProgress(const JobProgress&) = delete;
    JobProgress& operator=(const JobProgress&) = delete;

    /// Another tile is done.
    void count(const Panels& panels, const Tile& tile);
    /// Sends or receives what is due. Call it often.
    void exchange_counts();
    /// Collective. Rank 0 waits here until all others have no tiles left.
    void finish();

private:
    struct Counts {
        double tiles = 0, operations = 0, finished = 0;
    };
    void send();
    void receive_all();
    void show();

    mpi::Communicator comm_;
    Progress& progress_;
    double operations_per_entry_;
    Counts mine_;
    Counts sent_;  ///< what MPI reads until the request is done
    MPI_Request request_ = MPI_REQUEST_NULL;
    std::chrono::steady_clock::time_point last_;
    std::vector<Counts> counts_;  ///< on rank 0, by rank
};

}  // namespace tangram
