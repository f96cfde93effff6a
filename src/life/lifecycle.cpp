#include "tangram/life/lifecycle.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/file_descriptor.hpp"
#include "tangram/support/file_lock.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace tangram {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse_for_space(const std::string& path, std::uint64_t bytes, std::uint64_t free_bytes) {
    fail(ExitCode::no_resources,
         "no room for the output ({}, {} bytes, {} free): free some space, or choose another --output", path,
         bytes, free_bytes);
}

[[noreturn]] void refuse_for_limit(const std::string& path, std::uint64_t bytes) {
    fail(ExitCode::no_resources,
         "no file may become as large as the output ({}, {} bytes): raise the limit (ulimit -f)", path,
         bytes);
}

/// Removes what Open MPI leaves beside a file where a process is killed while it opens it: "<partial>-<job>-<process>.lock".
void remove_strays_of_mpi(const OutputPaths& paths) {
    const std::string prefix = fs::path(paths.partial).filename().string() + "-";
    constexpr std::string_view suffix = ".lock";
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(paths.directory, ignored)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
        const bool is_numbered =
            name.find_first_not_of("0123456789-", prefix.size()) == name.size() - suffix.size();
        if (is_numbered) std::remove(entry.path().c_str());
    }
}

}  // namespace

OutputPaths::OutputPaths(const std::string& output)
    : finished(output), partial(output + ".partial"), failed(output + ".failed"), lock(output + ".lock") {
    const fs::path parent = fs::path(output).parent_path();
    directory = parent.empty() ? "." : parent.string();
}

std::string OutputPaths::journal(Index generation, int rank) const {
    return fmt::format("{}.journal.{}.{}", finished, generation, rank);
}

void require_directory(const std::string& directory) {
    std::error_code ignored;
    if (!fs::exists(directory, ignored)) {
        fail(ExitCode::io, "no directory to write to ({}): create it first", directory);
    }
    if (!fs::is_directory(directory, ignored)) {
        fail(ExitCode::io, "not a directory ({}): choose another", directory);
    }
    if (access(directory.c_str(), W_OK | X_OK) != 0) {
        fail(ExitCode::io, "no permission to write in the directory ({}): choose another", directory);
    }
}

void require_writable(const OutputPaths& paths, const OutputRules& rules,
                      const std::vector<std::string>& inputs) {
    std::error_code ignored;
    for (const std::string& input : inputs) {
        for (const std::string& path : {paths.finished, paths.partial, paths.failed}) {
            if (!fs::equivalent(path, input, ignored)) continue;
            fail(ExitCode::usage, "the output is one of the inputs ({}): choose another --output", path);
        }
    }
    // Open MPI 4.1 writes a longer path past the end of a buffer of its own, and the process dies.
    constexpr std::size_t longest_path = 280;
    constexpr std::size_t longest_name = 200;
    if (fs::absolute(paths.partial).string().size() > longest_path ||
        fs::path(paths.finished).filename().string().size() > longest_name) {
        fail(
            ExitCode::usage,
            "the path of the output is too long for MPI-IO ({}): choose an --output of at most {} characters, {} in its last part",
            paths.finished, longest_path, longest_name);
    }
    require_directory(paths.directory);
    for (const std::string& path : {paths.finished, paths.partial, paths.failed, paths.lock}) {
        if (!fs::exists(path, ignored) || fs::is_regular_file(path, ignored)) continue;
        fail(ExitCode::io, "{} is in the output's place ({}): choose another --output",
             fs::is_directory(path, ignored) ? "a directory" : "something that is no file", path);
    }
    if (rules.resume) return;  // the lock will tell, and resuming may be waiting for it
    if (const auto holder = lock_holder(paths.lock)) {
        fail(ExitCode::usage,
             "another job is writing this output ({}, held by {}): wait for it, or choose another --output",
             paths.finished, *holder);
    }
    if (!rules.overwrite) require_absent(paths);
}

void require_absent(const OutputPaths& paths) {
    std::error_code ignored;
    if (fs::exists(paths.finished, ignored)) {
        fail(ExitCode::usage,
             "the output is there already ({}): choose another --output, or replace it with --overwrite",
             paths.finished);
    }
    if (fs::exists(paths.partial, ignored)) {
        fail(
            ExitCode::usage,
            "a run that was cut off has left a partial output ({}): continue it with --resume, or start afresh with --overwrite",
            paths.partial);
    }
}

std::string OutputPaths::sums(Index generation, int rank) const {
    return fmt::format("{}.sums.{}.{}", finished, generation, rank);
}

namespace {

/// OUT.h5.<kind>.G.R, sorted.
std::vector<JournalFile> list_of(const OutputPaths& paths, const std::string& kind) {
    const std::string prefix = fs::path(paths.finished).filename().string() + "." + kind + ".";
    std::vector<JournalFile> journals;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(paths.directory, ignored)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(prefix) || !entry.is_regular_file(ignored)) continue;
        Index rank = -1;
        JournalFile journal{entry.path().string()};
        const char* const end = name.data() + name.size();
        const auto [dot, error] = std::from_chars(name.data() + prefix.size(), end, journal.generation);
        if (error != std::errc() || dot == end || *dot != '.') continue;
        const auto [rest, no_rank] = std::from_chars(dot + 1, end, rank);
        const bool in_range = journal.generation >= 0 && journal.generation < Index{1} << 53 && rank >= 0;
        if (no_rank == std::errc() && rest == end && in_range) journals.push_back(std::move(journal));
    }
    std::sort(journals.begin(), journals.end(),
              [](const JournalFile& a, const JournalFile& b) { return a.path < b.path; });
    return journals;
}

void remove_before(const std::vector<JournalFile>& files, Index generation) {
    for (const JournalFile& file : files) {
        if (file.generation < generation) std::remove(file.path.c_str());
    }
}

}  // namespace

std::vector<JournalFile> list_journals(const OutputPaths& paths) {
    return list_of(paths, "journal");
}

std::vector<JournalFile> list_sums(const OutputPaths& paths) {
    return list_of(paths, "sums");
}

void remove_sums(const OutputPaths& paths, Index generation) {
    remove_before(list_sums(paths), generation);
}

void remove_journals(const OutputPaths& paths, Index generation) {
    remove_before(list_journals(paths), generation);
}

void require_space(const OutputPaths& paths, Index bytes) {
    struct rlimit limit {};
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < static_cast<std::uint64_t>(bytes))
        refuse_for_limit(paths.partial, static_cast<std::uint64_t>(bytes));
    struct statvfs volume {};
    if (statvfs(paths.directory.c_str(), &volume) != 0) return;  // reserving will tell
    struct stat stale {};  // of a run that was cut off: its space will be given back
    const bool is_stale = stat(paths.partial.c_str(), &stale) == 0;
    const std::uint64_t free_bytes = volume.f_bavail * volume.f_frsize +
                                     (is_stale ? static_cast<std::uint64_t>(stale.st_blocks) * 512 : 0);
    if (free_bytes < static_cast<std::uint64_t>(bytes))
        refuse_for_space(paths.partial, static_cast<std::uint64_t>(bytes), free_bytes);
}

void reserve_space(const std::string& path, Log& log) {
    const FileDescriptor file = open_file(path, O_RDWR);
    struct stat status {};
    struct statvfs volume {};
    if (fstat(file.get(), &status) != 0 || fstatvfs(file.get(), &volume) != 0) {
        fail(ExitCode::io, "cannot inspect ({}): {}", path, std::strerror(errno));
    }
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t free_bytes = volume.f_bavail * volume.f_frsize;
    // fallocate(2), not posix_fallocate, which writes every block where the file system cannot reserve.
    if (fallocate(file.get(), 0, 0, status.st_size) == 0) return;
    if (errno == EFBIG) refuse_for_limit(path, bytes);
    const bool cannot_reserve = errno == EOPNOTSUPP || errno == ENOSYS;
    if (!cannot_reserve || free_bytes < bytes) refuse_for_space(path, bytes, free_bytes);
    log.warn("the file system of {} cannot reserve space: {} bytes are needed and {} are free now", path,
             bytes, free_bytes);
}

std::string publish(const OutputPaths& paths, bool checks_failed) {
    const std::string& name = checks_failed ? paths.failed : paths.finished;
    open_file(paths.partial, O_RDONLY).sync();
    if (std::rename(paths.partial.c_str(), name.c_str()) != 0) {
        fail(ExitCode::io, "cannot rename {} to {}: {}", paths.partial, name, std::strerror(errno));
    }
    remove_strays_of_mpi(paths);
    open_file(paths.directory, O_RDONLY).sync();
    return name;
}

}  // namespace tangram
