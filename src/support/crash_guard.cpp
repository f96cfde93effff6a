#include "tangram/support/crash_guard.hpp"

#include <unistd.h>

#include <cstddef>

namespace tangram {

namespace {

// What the handler says; a handler can reach nothing but globals.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
const char* last_words = nullptr;
std::size_t last_words_bytes = 0;
int last_code = 0;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

void say_and_end(int) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, last_words, last_words_bytes);
    _exit(last_code);
}

}  // namespace

CrashGuard::CrashGuard(ExitCode code, const std::string& message)
    : line_("tangram: error: " + message + "\n") {
    last_words = line_.c_str();
    last_words_bytes = line_.size();
    last_code = static_cast<int>(code);
    struct sigaction action {};
    action.sa_handler = &say_and_end;
    for (std::size_t k = 0; k < signals.size(); ++k) sigaction(signals[k], &action, &before_[k]);
}

void CrashGuard::stay(ExitCode code) {
    stays_ = true;
    last_words_bytes = 0;
    last_code = static_cast<int>(code);
}

CrashGuard::~CrashGuard() {
    if (stays_) return;
    for (std::size_t k = 0; k < signals.size(); ++k) sigaction(signals[k], &before_[k], nullptr);
}

}  // namespace tangram
