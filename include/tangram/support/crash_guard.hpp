#pragma once
// libhdf5 1.10 believes some lengths in a file without looking, and a damaged file then makes it read where nothing is
// (the sizes of objects in a global heap, in H5HG_read). Such a crash says something of the file: while a CrashGuard
// lives, it is one line and an exit code, as for every other damage.

#include "tangram/support/error.hpp"

#include <array>
#include <csignal>
#include <string>

namespace tangram {

class CrashGuard {
public:
    /// A crash of this process prints "tangram: error: <message>" and ends it at once with `code`. One at a time.
    CrashGuard(ExitCode code, const std::string& message);
    ~CrashGuard();
    /// Stays to the end of the process, which a crash then ends with `code` and without a word: after an error that is said
    /// otherwise, where what was read may have left memory in disorder.
    void stay(ExitCode code);
    CrashGuard(const CrashGuard&) = delete;
    CrashGuard& operator=(const CrashGuard&) = delete;

private:
    static constexpr std::array signals{SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    std::array<struct sigaction, signals.size()> before_{};
    std::string line_;
    bool stays_ = false;
};

}  // namespace tangram
