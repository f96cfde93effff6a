#pragma once
// Requests to stop in order: SIGUSR1, SIGTERM, or a time that is over. The signals are blocked and waited for in a
// descriptor (signalfd), so that nothing runs at an odd moment and no signal is lost between two looks.

#include "tangram/support/file_descriptor.hpp"

#include <chrono>
#include <optional>

namespace tangram {

class StopRequest {
public:
    /// Before any other thread begins: threads inherit which signals are blocked.
    StopRequest();
    StopRequest(const StopRequest&) = delete;
    StopRequest& operator=(const StopRequest&) = delete;

    /// Requests a stop so many seconds after this object was made.
    void stop_after(double seconds);

    /// Whether a stop was requested; from then on always. Cheap: call it often.
    [[nodiscard]] bool is_made();

private:
    FileDescriptor signals_;
    std::chrono::steady_clock::time_point start_;
    std::optional<double> seconds_;
    bool made_ = false;
};

}  // namespace tangram
