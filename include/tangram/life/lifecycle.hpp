#pragma once
// The life of an output file:
//
//   OUT.h5.lock          held by the ranks of the job that writes (support/file_lock.hpp)
//   OUT.h5.partial       created, its space reserved on disk, being written
//   OUT.h5.journal.G.R   what rank R of the Gth run at it has safely on disk (life/journal.hpp)
//   OUT.h5.sums.G.R      what it has added up (life/sums_record.hpp)
//   OUT.h5               whole, and its checks passed
//   OUT.h5.failed        whole, and a check failed
//
// Each step is taken by one rank. What a run that was cut off leaves can be continued (life/resume.hpp).

#include "tangram/support/log.hpp"
#include "tangram/support/matrix.hpp"

#include <string>
#include <vector>

namespace tangram {

struct OutputPaths {
    explicit OutputPaths(const std::string& output);
    std::string finished;   ///< OUT.h5
    std::string partial;    ///< OUT.h5.partial
    std::string failed;     ///< OUT.h5.failed
    std::string lock;       ///< OUT.h5.lock
    std::string directory;  ///< that of OUT.h5
    /// OUT.h5.journal.G.R
    [[nodiscard]] std::string journal(Index generation, int rank) const;
    /// OUT.h5.sums.G.R
    [[nodiscard]] std::string sums(Index generation, int rank) const;
};

/// What the user allows where there is something already.
struct OutputRules {
    bool overwrite = false;
    bool resume = false;
};

/// Throws Error(io) unless files can be made in `directory`.
void require_directory(const std::string& directory);

/// Refuses an output that is there already (unless a rule allows it), is being written by another job, cannot be made,
/// or is one of the `inputs`. One rank. Throws Error(usage) or Error(io).
void require_writable(const OutputPaths& paths, const OutputRules& rules,
                      const std::vector<std::string>& inputs);

/// Refuses an output that is there already, finished or partial, naming what helps. One rank. Throws Error(usage).
void require_absent(const OutputPaths& paths);

struct JournalFile {
    std::string path;
    Index generation = 0;
};
/// The journals that are there, sorted; and the records of sums.
std::vector<JournalFile> list_journals(const OutputPaths& paths);
std::vector<JournalFile> list_sums(const OutputPaths& paths);
/// Removes the records of sums of the generations before `generation`; and journals and records.
void remove_sums(const OutputPaths& paths, Index generation);
void remove_journals(const OutputPaths& paths, Index generation);

/// Throws Error(no_resources) with the bytes needed and free if the output's file system has no room for `bytes`.
void require_space(const OutputPaths& paths, Index bytes);

/// Reserves the whole of the file `path`, whose size is final, on disk. Where the file system cannot reserve,
/// compares the free space and warns. Throws Error(no_resources) with the bytes needed and free.
void reserve_space(const std::string& path, Log& log);

/// Makes the file durable and gives it its final name: OUT.h5, or OUT.h5.failed when a check failed. One
/// rank. Returns that name. Throws Error(io).
std::string publish(const OutputPaths& paths, bool checks_failed);

}  // namespace tangram
