#include "tangram/support/progress.hpp"

#include "tangram/support/error.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <utility>

namespace tangram {

namespace {

constexpr std::size_t columns = 79;
constexpr std::size_t longest_bar = 20;
constexpr std::chrono::seconds line_interval{30};
constexpr std::chrono::milliseconds bar_interval{250};

void print_to_stderr(const std::string& text) {
    std::cerr << text << std::flush;
}

/// A state whose numbers can be shown, whatever the counts were.
struct Shown {
    explicit Shown(const ProgressState& state)
        : counts(state.tiles > 0 && state.operations > 0 && std::isfinite(state.operations)),
          tiles_done(std::clamp(state.tiles_done, Index{0}, std::max(state.tiles, Index{0}))) {
        if (!counts || !(state.operations_done > 0)) return;
        const double done = std::min(state.operations_done, state.operations);
        share = done / state.operations;
        const double per_second = done / state.seconds;
        if (!(state.seconds > 0) || !std::isfinite(per_second) || !(per_second > 0)) return;
        rate = per_second;
        seconds_left = (state.operations - done) / rate;
    }

    /// 100 only when all is done: the last 0.1 % of a long run is not nothing.
    [[nodiscard]] double percent(double step) const {
        return share < 1 ? std::min(100 * share, 100 - step) : 100;
    }
    [[nodiscard]] std::string giga_rate() const {
        const double giga = rate / 1e9;
        return giga >= 0.1 && giga < 1e6 ? fmt::format("{:.1f} GF/s", giga)
                                         : fmt::format("{:.3g} GF/s", giga);
    }

    bool counts;
    Index tiles_done;
    double share = 0;
    double rate = 0;  ///< operations per second; 0: not known
    double seconds_left = 0;
};

}  // namespace

ProgressStyle parse_progress_style(const std::string& name) {
    if (name == "auto") return ProgressStyle::automatic;
    if (name == "bar") return ProgressStyle::bar;
    if (name == "lines") return ProgressStyle::lines;
    if (name == "off") return ProgressStyle::off;
    fail(ExitCode::usage, "unknown progress style '{}': use one of auto, bar, lines, off", name);
}

bool draws_bar(ProgressStyle style) {
    return style == ProgressStyle::bar || (style == ProgressStyle::automatic && isatty(STDERR_FILENO) != 0);
}

std::string duration_in_words(double seconds) {
    constexpr Index minute = 60, hour = 60 * minute, day = 24 * hour, most_days = 9999;
    if (!(seconds > 0)) return "0 s";
    if (seconds >= static_cast<double>(most_days * day)) return fmt::format("more than {} d", most_days);
    const auto whole = static_cast<Index>(std::round(seconds));
    if (whole < minute) return fmt::format("{} s", whole);
    if (whole < hour) return fmt::format("{} min {} s", whole / minute, whole % minute);
    if (whole < day) return fmt::format("{} h {} min", whole / hour, whole % hour / minute);
    return fmt::format("{} d {} h", whole / day, whole % day / hour);
}

std::string progress_line(const ProgressState& state) {
    const Shown shown(state);
    std::string line = fmt::format("tangram: {}: ", state.phase);
    if (shown.counts) {
        line += fmt::format("{} of {} tiles, {:.1f} %, ", shown.tiles_done, state.tiles, shown.percent(0.1));
        if (shown.rate > 0) {
            return line +
                   fmt::format("{}, {} left", shown.giga_rate(), duration_in_words(shown.seconds_left));
        }
    }
    return line + duration_in_words(state.seconds) + " so far";
}

std::string progress_bar(const ProgressState& state) {
    const Shown shown(state);
    std::string bar = state.phase;
    std::string numbers = fmt::format(" {} so far", duration_in_words(state.seconds));
    if (shown.counts) {
        if (shown.rate > 0) {
            numbers = fmt::format(" {} {} left", shown.giga_rate(), duration_in_words(shown.seconds_left));
        }
        numbers = fmt::format(" {:3} % {}/{} tiles", static_cast<int>(shown.percent(1)), shown.tiles_done,
                              state.tiles) +
                  numbers;
        const std::size_t taken = bar.size() + std::string(" []").size() + numbers.size();
        const std::size_t cells = std::min(longest_bar, columns - std::min(columns, taken));
        const auto full = static_cast<std::size_t>(shown.share * static_cast<double>(cells));
        bar += " [" + std::string(full, '#') + std::string(cells - full, '.') + "]";
    }
    return (bar + numbers).substr(0, columns);
}

Progress::Progress(bool shown, ProgressStyle style)
    : Progress(shown, style, print_to_stderr, draws_bar(style) ? bar_interval : line_interval) {}

Progress::Progress(bool shown, ProgressStyle style, Sink sink, std::chrono::milliseconds interval)
    : as_bar_(draws_bar(style)), sink_(std::move(sink)), interval_(interval), begin_(Clock::now()) {
    if (!shown || style == ProgressStyle::off) return;
    thread_ = std::jthread([this](const std::stop_token& stop) {
        try {
            run(stop);
        } catch (...) {  // NOLINT(bugprone-empty-catch): a display that fails is no reason to end the run
        }
    });
}

void Progress::begin(std::string phase, Index tiles, double operations) {
    const std::scoped_lock lock(mutex_);
    state_ = {std::move(phase), tiles, 0, operations, 0, 0};
    begin_ = Clock::now();
}

void Progress::set_done(Index tiles, double operations) {
    const std::scoped_lock lock(mutex_);
    state_.tiles_done = std::max(state_.tiles_done, tiles);
    state_.operations_done = std::max(state_.operations_done, operations);
}

void Progress::finish() {
    std::call_once(finished_, [this] {
        if (!thread_.joinable()) return;
        thread_.request_stop();
        thread_.join();
    });
}

/// The thread: shows the state at times that no phase moves, and erases the bar at the end.
void Progress::run(const std::stop_token& stop) {
    bool drawn = false;
    for (auto next = Clock::now() + interval_; wait_until(next, stop); next += interval_) {
        if (Clock::now() - next > interval_) next = Clock::now();  // after a standstill one line, not many
        const ProgressState state = snapshot();
        if (state.phase.empty()) continue;
        sink_(as_bar_ ? "\r" + progress_bar(state) + "\033[K" : progress_line(state) + "\n");
        drawn = as_bar_;
    }
    if (drawn) sink_("\r\033[K");
}

/// Returns false once the thread has to stop.
bool Progress::wait_until(Clock::time_point time, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}

ProgressState Progress::snapshot() {
    const std::scoped_lock lock(mutex_);
    ProgressState state = state_;
    state.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    return state;
}

}  // namespace tangram
