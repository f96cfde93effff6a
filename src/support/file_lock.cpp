#include "tangram/support/file_lock.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/stopwatch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace tangram {

namespace {

constexpr std::chrono::milliseconds retry_interval{100};
constexpr Index longest_holder = 512;

enum class Answer { granted, refused, unknown };

/// Asks for a lock of `type` (F_RDLCK, F_WRLCK) on the whole file, without waiting.
Answer ask(const FileDescriptor& file, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    if (fcntl(file.get(), F_OFD_SETLK, &lock) == 0) return Answer::granted;
    return errno == EAGAIN || errno == EACCES ? Answer::refused : Answer::unknown;
}

/// Whether `path` still names the open file: its last holder may have removed it in the meantime.
bool is_named(const FileDescriptor& file, const std::string& path) {
    struct stat open_one {};
    struct stat named {};
    return fstat(file.get(), &open_one) == 0 && stat(path.c_str(), &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

std::string read_holder(const FileDescriptor& file) {
    std::string holder(at(longest_holder), '\0');
    const ssize_t count = pread(file.get(), holder.data(), holder.size(), 0);
    holder.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return holder.empty() ? "another job" : holder.substr(0, holder.find('\n'));
}

}  // namespace

FileLock FileLock::take(const std::string& path, const std::string& holder, double seconds) {
    const Stopwatch waited;
    for (;;) {
        FileDescriptor file = open_file(path, O_RDWR | O_CREAT);
        const Answer answer = ask(file, F_WRLCK);
        if (answer == Answer::unknown) {
            unlink(path.c_str());
            return {};
        }
        if (answer == Answer::granted && is_named(file, path)) {
            if (ftruncate(file.get(), 0) != 0)
                fail(ExitCode::io, "cannot write ({}): {}", path, std::strerror(errno));
            const std::string line = holder.substr(0, at(longest_holder - 1)) + "\n";
            file.write_at(line.data(), static_cast<Index>(line.size()), 0);
            ask(file, F_RDLCK);
            return {std::move(file), path};
        }
        if (answer == Answer::refused && waited.seconds() >= seconds) {
            fail(
                ExitCode::usage,
                "another job is writing this output ({}, held by {}): wait for it, or choose another --output",
                path, read_holder(file));
        }
        if (answer == Answer::refused) std::this_thread::sleep_for(retry_interval);
    }
}

FileLock FileLock::join(const std::string& path) {
    FileDescriptor file = open_file(path, O_RDWR);
    if (ask(file, F_RDLCK) != Answer::granted) {
        fail(ExitCode::io, "cannot share the lock ({}): {}", path, std::strerror(errno));
    }
    return {std::move(file), path};
}

void FileLock::remove() const {
    if (is_held()) unlink(path_.c_str());
}

std::optional<std::string> lock_holder(const std::string& path) {
    const FileDescriptor file(path, O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (!file.is_open() || fcntl(file.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
        return std::nullopt;
    return read_holder(file);
}

}  // namespace tangram
