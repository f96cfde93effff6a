#include "tangram/support/stop_request.hpp"

#include <csignal>

namespace tangram {

namespace {

/// The one global of the program: a signal handler can reach nothing else. Blocking the signals and reading them from
/// a descriptor would do without, but OpenBLAS has threads before main() begins, which would take them unblocked.
volatile std::sig_atomic_t signalled = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void note_signal(int) {
    signalled = 1;
}

}  // namespace

StopRequest::StopRequest() {
    struct sigaction action {};
    action.sa_handler = &note_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool StopRequest::is_made() const {
    if (signalled != 0) return true;
    return seconds_ && since_start_.seconds() >= *seconds_;
}

}  // namespace tangram
