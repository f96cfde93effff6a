#include "tangram/output/reservation.hpp"

#include "tangram/support/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tangram {

namespace {

/// An open file descriptor.
class Descriptor {
public:
    Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC)) {
        if (fd_ < 0) fail(ExitCode::io, "cannot open ({}): {}", path, std::strerror(errno));
    }
    ~Descriptor() { close(fd_); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

}  // namespace

void reserve_space(const std::string& path, Log& log) {
    const Descriptor file(path, O_RDWR);
    struct stat status {};
    struct statvfs volume {};
    if (fstat(file.get(), &status) != 0 || fstatvfs(file.get(), &volume) != 0) {
        fail(ExitCode::io, "cannot inspect ({}): {}", path, std::strerror(errno));
    }
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t free_bytes = volume.f_bavail * volume.f_frsize;
    // fallocate(2), not posix_fallocate, which writes every block where the file system cannot reserve.
    if (fallocate(file.get(), 0, 0, status.st_size) == 0) return;
    const int error = errno;
    const bool cannot_reserve = error == EOPNOTSUPP || error == ENOSYS;
    if (!cannot_reserve || free_bytes < bytes) {
        unlink(path.c_str());
        fail(ExitCode::no_resources,
             "no room for the output ({}, {} bytes, {} free): {}: free some space, or choose another "
             "--output",
             path, bytes, free_bytes, std::strerror(cannot_reserve ? ENOSPC : error));
    }
    log.warn("the file system of {} cannot reserve space: {} bytes are needed and {} are free now", path,
             bytes, free_bytes);
}

}  // namespace tangram
