// The fault injector of the test build; takes the place of src/support/fault.cpp when linked before it.

#include "tangram/support/fault.hpp"

#include "tangram/support/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>

namespace tangram {

namespace {

struct Fault {
    std::string phase, rank, kind;
};

/// "phase:rank[:kind]"; rank * is any.
Fault parse(const std::string& text) {
    const std::size_t first = text.find(':');
    const std::size_t second = text.find(':', first + 1);
    if (first == std::string::npos) return {};
    return {text.substr(0, first), text.substr(first + 1, second - first - 1),
            second == std::string::npos ? "throw" : text.substr(second + 1)};
}

/// Gives back the space that was reserved for the file, which keeps its size, and fills the disk with another.
void lose_space(const std::string& path) {
    const int file = open(path.c_str(), O_RDWR);
    struct stat status {};
    if (fstat(file, &status) == 0)
        fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, status.st_size);
    close(file);
    const int filler = open((path + ".filler").c_str(), O_WRONLY | O_CREAT, 0600);
    const std::string piece(1 << 16, 'x');
    while (write(filler, piece.data(), piece.size()) > 0) {
    }
    close(filler);
}

}  // namespace

void fault_point(std::string_view phase, int rank, std::span<double> values, const char* path) {
    const char* text = std::getenv("TANGRAM_FAULT");
    if (text == nullptr) return;
    const Fault fault = parse(text);
    if (fault.phase != phase || (fault.rank != "*" && fault.rank != std::to_string(rank))) return;
    if (fault.kind == "kill") raise(SIGKILL);
    if (fault.kind.starts_with("slow"))
        std::this_thread::sleep_for(
            std::chrono::milliseconds(std::strtol(fault.kind.c_str() + 4, nullptr, 10)));
    if (fault.kind == "enospc") fail(ExitCode::no_resources, "injected: no space left on device");
    if (fault.kind == "nan" && !values.empty()) values.back() = std::numeric_limits<double>::quiet_NaN();
    if (fault.kind == "unreserve" && path != nullptr) lose_space(path);
    if (fault.kind == "throw") fail(ExitCode::failed, "injected: exception in phase {}", phase);
}

}  // namespace tangram
