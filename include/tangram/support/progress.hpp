#pragma once
// How far a long run is, for people, on stderr, from rank 0 only: a bar on a terminal, otherwise a line every
// 30 s.
//
//     tangram: assemble: 1234 of 5678 tiles, 21.7 %, 183.2 GF/s, 12 min 30 s left
//     tangram: check: 30 s so far
//     assemble [####................]  21 % 1234/5678 tiles 183.2 GF/s 12 min 30 s left
//
// One thread of its own does all the writing and makes no MPI or HDF5 call: who reports counts never waits
// for a slow terminal. A display that fails (no memory, a closed stderr) falls silent; the run goes on.

#include "tangram/support/matrix.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

namespace tangram {

/// `automatic` is a bar where stderr is a terminal and lines elsewhere (also under an mpirun that pipes
/// stderr, as Open MPI's does).
enum class ProgressStyle { automatic, bar, lines, off };

/// The style that a user names: auto, bar, lines or off. Throws Error(usage).
ProgressStyle parse_progress_style(const std::string& name);

/// Whether this style draws a bar, which the logger must erase before it writes (see make_log).
bool draws_bar(ProgressStyle style);

/// What is shown at one moment. A phase has counts if both totals are positive.
struct ProgressState {
    std::string phase;
    Index tiles = 0;
    Index tiles_done = 0;
    double operations = 0;  ///< floating point operations, of all ranks
    double operations_done = 0;
    double seconds = 0;  ///< since the phase began
};

/// "45 s", "12 min 30 s", "3 h 20 min" or "2 d 4 h".
std::string duration_in_words(double seconds);

/// The state as a line of its own, without the line break. Per cent and time left go by operations, which is
/// what takes time; what cannot be known yet is left out.
std::string progress_line(const ProgressState& state);

/// The state as a bar of at most 79 columns.
std::string progress_bar(const ProgressState& state);

/// The display of one run, from construction to finish(). All methods may be called from any thread.
class Progress {
public:
    using Sink = std::function<void(const std::string&)>;

    /// To stderr. Unless `shown` (rank 0) it says nothing and starts no thread.
    Progress(bool shown, ProgressStyle style);
    /// To `sink`, which only one thread at a time calls, every `interval`.
    Progress(bool shown, ProgressStyle style, Sink sink, std::chrono::milliseconds interval);
    ~Progress() { finish(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// A phase without counts. The next line comes when it is due, whatever phase the run is in by then.
    void begin(std::string phase) { begin(std::move(phase), 0, 0); }
    /// A phase of so many tiles and operations, over all ranks.
    void begin(std::string phase, Index tiles, double operations);
    /// The counts since the phase began, over all ranks; smaller ones than before change nothing.
    void set_done(Index tiles, double operations);
    /// Erases the bar; nothing is written after it returns. Does not wait for the next line.
    void finish();

private:
    using Clock = std::chrono::steady_clock;

    void run(const std::stop_token& stop);
    bool wait_until(Clock::time_point time, const std::stop_token& stop);
    ProgressState snapshot();

    const bool as_bar_;
    const Sink sink_;
    const std::chrono::milliseconds interval_;
    std::mutex mutex_;  ///< of state_ and begin_
    ProgressState state_;
    Clock::time_point begin_;
    std::condition_variable_any wake_;
    std::once_flag finished_;
    std::jthread thread_;
};

}  // namespace tangram
