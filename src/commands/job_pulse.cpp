#include "tangram/commands/job_pulse.hpp"

#include <thread>

namespace tangram {

namespace {

constexpr std::chrono::milliseconds interval{100};
constexpr std::chrono::milliseconds waiting_interval{1};

}  // namespace

JobPulse::JobPulse(const mpi::Communicator& world, Progress& progress, const StopRequest& stop,
                   double operations_per_entry)
    : comm_(world.split(0, world.rank())),
      progress_(progress),
      stop_(stop),
      operations_per_entry_(operations_per_entry),
      last_(std::chrono::steady_clock::now()) {}

void JobPulse::count(const Panels& panels, const Tile& tile) {
    mine_.tiles += 1;
    mine_.operations += operations_per_entry_ * static_cast<double>(tile_work(panels, tile));
}

bool JobPulse::beat() {
    if (decided_) return !stopping_;
    if (request_ != MPI_REQUEST_NULL) {
        int done = 0;
        MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
        if (done != 0) take_sum();
        return !stopping_;
    }
    const bool in_a_hurry = mine_.finished > 0 || stop_.is_made();
    if (in_a_hurry || std::chrono::steady_clock::now() - last_ >= interval) begin_sum();
    return true;
}

bool JobPulse::all_done() {
    mine_.finished = 1;
    while (beat() && !decided_) std::this_thread::sleep_for(waiting_interval);
    return !stopping_;
}

void JobPulse::begin_sum() {
    last_ = std::chrono::steady_clock::now();
    mine_.stops = stop_.is_made() ? 1 : 0;
    sent_ = mine_;
    MPI_Iallreduce(&sent_, &total_, sizeof(Tally) / sizeof(double), MPI_DOUBLE, MPI_SUM, comm_.get(),
                   &request_);
}

void JobPulse::take_sum() {
    progress_.set_done(static_cast<Index>(total_.tiles), total_.operations);
    stopping_ = total_.stops > 0;
    decided_ = stopping_ || total_.finished >= comm_.size();
}

}  // namespace tangram
