#pragma once
// Requests to stop in order: SIGUSR1, SIGTERM, or a time that is over.

#include "tangram/support/stopwatch.hpp"

#include <optional>

namespace tangram {

class StopRequest {
public:
    /// From now on the two signals no longer end the process. Make one, early: signals that come before are lost.
    StopRequest();
    StopRequest(const StopRequest&) = delete;
    StopRequest& operator=(const StopRequest&) = delete;

    /// Requests a stop so many seconds after this object was made.
    void stop_after(double seconds) { seconds_ = seconds; }

    /// Whether a stop was requested; from then on always. Cheap: call it often.
    [[nodiscard]] bool is_made() const;

private:
    Stopwatch since_start_;
    std::optional<double> seconds_;
};

}  // namespace tangram
