#include "tangram/support/stop_request.hpp"

#include "tangram/support/error.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace tangram {

StopRequest::StopRequest() : start_(std::chrono::steady_clock::now()) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signals_ = FileDescriptor::adopt(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC), "signals");
}

void StopRequest::stop_after(double seconds) {
    seconds_ = seconds;
}

bool StopRequest::is_made() {
    if (made_) return true;
    signalfd_siginfo signal{};
    made_ = signals_.is_open() && read(signals_.get(), &signal, sizeof signal) == sizeof signal;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    made_ = made_ || (seconds_ && elapsed.count() >= *seconds_);
    return made_;
}

}  // namespace tangram
