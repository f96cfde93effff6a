#include "tangram/run/job_pulse.hpp"

#include <thread>

namespace tangram {

namespace {

constexpr std::chrono::milliseconds interval{100};
constexpr std::chrono::milliseconds waiting_interval{1};

}  // namespace

JobPulse::JobPulse(const mpi::Communicator& world, Progress& progress, const StopRequest& stop)
    : comm_(world.split(0, world.rank())),
      progress_(progress),
      stop_(stop),
      last_(std::chrono::steady_clock::now()) {}

void JobPulse::count(double operations) {
    mine_.tiles += 1;
    mine_.operations += operations;
}

bool JobPulse::beat() {
    if (decided_) return !stopping_;
    if (request_ != MPI_REQUEST_NULL) {
        int done = 0;
        MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
        if (done != 0) take_sum();
        return !stopping_;
    }
    const bool others_wait = mine_.finished > 0 || stop_.is_made();
    if (others_wait || std::chrono::steady_clock::now() - last_ >= interval) begin_sum();
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
