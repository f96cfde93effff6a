#pragma once
// Notes in the journal what is on disk, every so many seconds, and once more as soon as a stop was requested: SIGTERM leaves
// a second. Private to run/.

#include "tangram/life/tile_writer.hpp"
#include "tangram/support/stop_request.hpp"

#include <chrono>

namespace tangram {

class Checkpoints {
public:
    Checkpoints(TileWriter& writer, const StopRequest& stop, double seconds)
        : writer_(writer), stop_(stop), interval_(seconds), last_(Clock::now()) {}
    void take_if_due() {
        const bool stopping = !stop_seen_ && stop_.is_made();
        stop_seen_ = stop_seen_ || stopping;
        if (!stopping && Clock::now() - last_ < interval_) return;
        writer_.checkpoint();
        last_ = Clock::now();
    }

private:
    using Clock = std::chrono::steady_clock;
    TileWriter& writer_;
    const StopRequest& stop_;
    std::chrono::duration<double> interval_;
    Clock::time_point last_;
    bool stop_seen_ = false;
};

}  // namespace tangram
