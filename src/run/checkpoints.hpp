#pragma once
// Brings to disk what a run that goes on needs, and notes it, every so many seconds, and once more as soon as a stop was requested: SIGTERM leaves
// a second. Private to run/.

#include "tangram/support/stop_request.hpp"

#include <chrono>
#include <functional>
#include <utility>

namespace tangram {

class Checkpoints {
public:
    Checkpoints(std::function<void()> take, const StopRequest& stop, double seconds)
        : take_(std::move(take)), stop_(stop), interval_(seconds), last_(Clock::now()) {}
    void take_if_due() {
        const bool stopping = !stop_seen_ && stop_.is_made();
        stop_seen_ = stop_seen_ || stopping;
        if (!stopping && Clock::now() - last_ < interval_) return;
        take_();
        last_ = Clock::now();
    }

private:
    using Clock = std::chrono::steady_clock;
    std::function<void()> take_;
    const StopRequest& stop_;
    std::chrono::duration<double> interval_;
    Clock::time_point last_;
    bool stop_seen_ = false;
};

}  // namespace tangram
