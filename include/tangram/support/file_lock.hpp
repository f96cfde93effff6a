#pragma once
// A lock that the ranks of one job share and that keeps every other job out. The operating system releases it when
// the last of them is gone, however they went.
//
//   rank 0     takes the file for itself, writes who it is, then shares it:     alone -> shared
//   others     join:                                                            shared
//   new job    wants it for itself: refused while any rank of the first is alive
//
// Open file description locks (fcntl(2), F_OFD_SETLK): unlike flock(2) they change from alone to shared without a
// gap, and they work between the nodes of a network file system that has locks at all.

#include "tangram/support/file_descriptor.hpp"

#include <optional>
#include <string>

namespace tangram {

class FileLock {
public:
    FileLock() = default;

    /// Takes `path` for this process, waiting up to `seconds` for those who hold it, leaves `holder` in it for
    /// others to read, then shares it. Throws Error(usage) naming the holder when it is not to be had, Error(io) when
    /// the file cannot be made. Where the file system has no locks, is_held() is false.
    static FileLock take(const std::string& path, const std::string& holder, double seconds);
    /// Joins those who share `path`, which rank 0 has taken. Throws Error(io).
    static FileLock join(const std::string& path);

    [[nodiscard]] bool is_held() const { return file_.is_open(); }
    /// Removes the file. The lock itself ends with this object.
    void remove() const;

private:
    FileLock(FileDescriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
    FileDescriptor file_;
    std::string path_;
};

/// What the holder of the lock at `path` says of itself; nothing if nobody holds it.
std::optional<std::string> lock_holder(const std::string& path);

}  // namespace tangram
