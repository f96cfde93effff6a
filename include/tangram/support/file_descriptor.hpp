#pragma once
// An open file as the kernel knows it: whole reads and writes at a place, and bringing them to disk.

#include "tangram/support/matrix.hpp"

#include <string>
#include <string_view>

namespace tangram {

class FileDescriptor {
public:
    FileDescriptor() = default;
    /// open(2) with `flags`; closed (is_open() is false) where that fails.
    FileDescriptor(std::string path, int flags);
    ~FileDescriptor();
    FileDescriptor(FileDescriptor&& other) noexcept;
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;

    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] int get() const { return fd_; }

    /// All of `bytes` bytes at `offset`. Throws Error(no_resources) if the disk is full, else Error(io).
    void write_at(const void* data, Index bytes, Index offset) const;
    /// Appends, to a file opened with O_APPEND. The same.
    void append(std::string_view text) const;
    /// Throws Error(io), also at the end of the file.
    void read_at(void* data, Index bytes, Index offset) const;
    /// Brings the file's data to disk: fdatasync(2). Throws Error(io).
    void sync_data() const;
    /// Brings a file or directory to disk with its attributes: fsync(2). Throws Error(io).
    void sync() const;

private:
    std::string path_;
    int fd_ = -1;
};

/// Opens or throws Error(io) saying why not.
FileDescriptor open_file(const std::string& path, int flags);

/// The whole of a file that may be changing or damaged: what can be read of it, "" where there is none.
std::string read_what_there_is(const std::string& path);

}  // namespace tangram
