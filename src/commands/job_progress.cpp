#include "tangram/commands/job_progress.hpp"

#include <thread>

namespace tangram {

namespace {

constexpr std::chrono::milliseconds sending_interval{500};
constexpr std::chrono::milliseconds waiting_interval{2};

}  // namespace

JobProgress::JobProgress(const mpi::Communicator& world, Progress& progress, double operations_per_entry)
    : comm_(world.split(0, world.rank())),
      progress_(progress),
      operations_per_entry_(operations_per_entry),
      last_(std::chrono::steady_clock::now()),
      counts_(comm_.is_root() ? at(comm_.size()) : 0) {}

void JobProgress::count(const Panels& panels, const Tile& tile) {
    mine_.tiles += 1;
    mine_.operations += operations_per_entry_ * static_cast<double>(tile_work(panels, tile));
}

void JobProgress::exchange_counts() {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < sending_interval) return;
    last_ = now;
    if (comm_.is_root()) {
        receive_all();
        show();
    } else {
        int done = 0;
        MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
        if (done != 0) send();
    }
}

void JobProgress::finish() {
    mine_.finished = 1;
    if (!comm_.is_root()) {
        MPI_Wait(&request_, MPI_STATUS_IGNORE);
        send();
        MPI_Wait(&request_, MPI_STATUS_IGNORE);
        return;
    }
    const auto all_finished = [&] {
        for (std::size_t rank = 1; rank < counts_.size(); ++rank) {
            if (counts_[rank].finished == 0) return false;
        }
        return true;
    };
    for (receive_all(); !all_finished(); receive_all()) {
        show();
        std::this_thread::sleep_for(waiting_interval);
    }
}

void JobProgress::send() {
    sent_ = mine_;
    MPI_Isend(&sent_, 3, MPI_DOUBLE, 0, 0, comm_.get(), &request_);
}

void JobProgress::receive_all() {
    for (int waiting = 1; waiting != 0;) {
        MPI_Status status;
        MPI_Iprobe(MPI_ANY_SOURCE, 0, comm_.get(), &waiting, &status);
        if (waiting == 0) break;
        MPI_Recv(&counts_[at(status.MPI_SOURCE)], 3, MPI_DOUBLE, status.MPI_SOURCE, 0, comm_.get(),
                 MPI_STATUS_IGNORE);
    }
}

void JobProgress::show() {
    counts_[0] = mine_;
    Counts total;
    for (const Counts& counts : counts_) {
        total.tiles += counts.tiles;
        total.operations += counts.operations;
    }
    progress_.set_done(static_cast<Index>(total.tiles), total.operations);
}

}  // namespace tangram
