#include "tangram/support/file_descriptor.hpp"

#include "tangram/support/error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tangram {

namespace {

/// Most that one call moves; Linux stops at 2^31 - 4096 bytes.
constexpr Index call_bytes = Index{1} << 30;

[[noreturn]] void refuse(const std::string& path, const char* what, int error) {
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    fail(full ? ExitCode::no_resources : ExitCode::io, "{} failed ({}): {}{}", what, path,
         std::strerror(error), full ? ": free some space, or raise the limit" : "");
}

}  // namespace

FileDescriptor::FileDescriptor(std::string path, int flags)
    : path_(std::move(path)), fd_(open(path_.c_str(), flags | O_CLOEXEC, 0666)) {}

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    return *this;
}

void FileDescriptor::write_at(const void* data, Index bytes, Index offset) const {
    const char* from = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t done = pwrite(fd_, from, at(std::min(bytes, call_bytes)), offset);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) refuse(path_, "writing", done < 0 ? errno : ENOSPC);
        from += done;
        offset += done;
        bytes -= done;
    }
}

void FileDescriptor::append(std::string_view text) const {
    while (!text.empty()) {
        const ssize_t done = write(fd_, text.data(), text.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) refuse(path_, "writing", done < 0 ? errno : ENOSPC);
        text.remove_prefix(static_cast<std::size_t>(done));
    }
}

void FileDescriptor::read_at(void* data, Index bytes, Index offset) const {
    char* to = static_cast<char*>(data);
    while (bytes > 0) {
        const ssize_t done = pread(fd_, to, at(std::min(bytes, call_bytes)), offset);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) refuse(path_, "reading", errno);
        if (done == 0)
            fail(ExitCode::io, "reading failed ({}): the file ends before byte {}", path_, offset + 1);
        to += done;
        offset += done;
        bytes -= done;
    }
}

void FileDescriptor::sync_data() const {
    if (fdatasync(fd_) != 0) refuse(path_, "bringing to disk", errno);
}

void FileDescriptor::sync() const {
    if (fsync(fd_) != 0) refuse(path_, "bringing to disk", errno);
}

FileDescriptor open_file(const std::string& path, int flags) {
    FileDescriptor file(path, flags);
    if (!file.is_open()) fail(ExitCode::io, "cannot open ({}): {}", path, std::strerror(errno));
    return file;
}

std::string read_what_there_is(const std::string& path) {
    const FileDescriptor file(path, O_RDONLY);
    std::string text;
    std::string piece(std::size_t{1} << 16, '\0');
    while (file.is_open()) {
        const ssize_t count = pread(file.get(), piece.data(), piece.size(), static_cast<off_t>(text.size()));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        text.append(piece, 0, static_cast<std::size_t>(count));
    }
    return text;
}

}  // namespace tangram
