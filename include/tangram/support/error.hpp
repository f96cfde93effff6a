#pragma once
// What can go wrong, as the user sees it: an exit code and one line that names file, dataset and shape and
// says what to do. Every error of the program is thrown as an Error; main holds the one policy that prints
// it.

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace tangram {

/// The program's exit codes, the same on every rank.
enum class ExitCode : int {
    done = 0,
    failed = 1,  ///< an error of the program itself, never of its input
    usage = 2,
    bad_input = 3,
    no_resources = 4,  ///< not enough memory or disk
    check_failed = 5,
    io = 6,
    stopped = 75,  ///< stopped on request; can be resumed
};

/// One failure: `what()` is the line that the user reads, without the leading "tangram: error: ".
class Error : public std::runtime_error {
public:
    Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
    [[nodiscard]] ExitCode code() const { return code_; }

private:
    ExitCode code_;
};

/// An Error that every rank throws together (see support/agreement.hpp): only rank 0 prints it, and the job
/// ends in order.
class AgreedError : public Error {
public:
    using Error::Error;
};

/// What is said of a std::bad_alloc.
inline constexpr const char* out_of_memory = "out of memory: use more ranks, or fewer samples";

/// Throws Error(code, formatted message).
template <class... Args>
[[noreturn]] void fail(ExitCode code, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tangram
