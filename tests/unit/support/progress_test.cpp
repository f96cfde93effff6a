#include "tangram/support/progress.hpp"

#include "tangram/support/error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace tangram;
using namespace std::chrono_literals;

namespace {

/// Keeps what is shown; waits for it longer than any machine takes.
class Screen {
public:
    [[nodiscard]] Progress::Sink sink() {
        return [this](const std::string& text) {
            const std::scoped_lock lock(mutex_);
            shown_.push_back(text);
        };
    }
    [[nodiscard]] std::vector<std::string> shown() {
        const std::scoped_lock lock(mutex_);
        return shown_;
    }
    /// Whether something that contains `words` appears; meanwhile calls `work` every few milliseconds.
    [[nodiscard]] bool appears(const std::string& words, const std::function<void()>& work = nullptr) {
        const auto has_words = [&](const std::string& text) { return text.find(words) != std::string::npos; };
        const auto limit = std::chrono::steady_clock::now() + 60s;
        while (std::chrono::steady_clock::now() < limit) {
            const auto texts = shown();
            if (std::any_of(texts.begin(), texts.end(), has_words)) return true;
            if (work) work();
            std::this_thread::sleep_for(5ms);
        }
        return false;
    }

private:
    std::mutex mutex_;
    std::vector<std::string> shown_;
};

std::ptrdiff_t threads_of_this_process() {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
}

}  // namespace

TEST_CASE("durations are in words, of two units at most") {
    const std::vector<std::pair<double, std::string>> table{
        {0, "0 s"},
        {45, "45 s"},
        {59.6, "1 min 0 s"},
        {750, "12 min 30 s"},
        {12000, "3 h 20 min"},
        {187259, "2 d 4 h"},
        {NAN, "0 s"},
        {INFINITY, "more than 9999 d"},
    };
    for (const auto& [seconds, words] : table) CHECK(duration_in_words(seconds) == words);
}

TEST_CASE("a line of progress leaves out what is not known and never shows more than all") {
    const std::vector<std::pair<ProgressState, std::string>> table{
        {{"assemble", 5678, 1234, 1e15, 2.17e14, 1184.5},
         "1234 of 5678 tiles, 21.7 %, 183.2 GF/s, 1 h 11 min left"},
        {{"assemble", 4, 0, 1e12, 0, 30}, "0 of 4 tiles, 0.0 %, 30 s so far"},
        {{"assemble", 4, 0, 1e12, 0, 0}, "0 of 4 tiles, 0.0 %, 0 s so far"},
        {{"assemble", 4, 1, 1e12, 5e11, 0}, "1 of 4 tiles, 50.0 %, 0 s so far"},
        {{"assemble", 4, 3, 1e12, 9.999e11, 10}, "3 of 4 tiles, 99.9 %, 100.0 GF/s, 0 s left"},
        {{"assemble", 4, 4, 1e12, 1e12, 10}, "4 of 4 tiles, 100.0 %, 100.0 GF/s, 0 s left"},
        {{"assemble", 4, 9, 1e12, 3e12, 10}, "4 of 4 tiles, 100.0 %, 100.0 GF/s, 0 s left"},
        {{"assemble", 4, -1, 1e12, -5, 10}, "0 of 4 tiles, 0.0 %, 10 s so far"},
        {{"assemble", 4, 1, 1e12, NAN, 10}, "1 of 4 tiles, 0.0 %, 10 s so far"},
        {{"assemble", 4, 1, 1e12, 1, 1}, "1 of 4 tiles, 0.0 %, 1e-09 GF/s, more than 9999 d left"},
        {{"assemble", 4, 1, 4e6, 1e6, 1}, "1 of 4 tiles, 25.0 %, 0.001 GF/s, 3 s left"},
        {{"assemble", 0, 0, 0, 0, 30}, "30 s so far"},
        {{"assemble", 4, 1, 0, 0, 30}, "30 s so far"},
        {{"assemble", 4, 1, INFINITY, 1, 30}, "30 s so far"},
    };
    for (const auto& [state, words] : table) CHECK(progress_line(state) == "tangram: assemble: " + words);
}

TEST_CASE("a bar has its parts and fits 79 columns") {
    CHECK(progress_bar({"assemble", 5678, 2600, 1e15, 4.59e14, 2505.5}) ==
          "assemble [########..........]  45 % 2600/5678 tiles 183.2 GF/s 49 min 13 s left");
    CHECK(progress_bar({"check", 0, 0, 0, 0, 95}) == "check 1 min 35 s so far");
    CHECK(progress_bar({"assemble", 4, 0, 1e12, 0, 0}) ==
          "assemble [....................]   0 % 0/4 tiles 0 s so far");
    CHECK(progress_bar({"assemble", 4, 5, 1e12, 2e12, 1}) ==
          "assemble [####################] 100 % 4/4 tiles 1000.0 GF/s 0 s left");
    const Index many = std::numeric_limits<Index>::max();
    CHECK(progress_bar({"assemble", many, many, 1e300, 1e299, 1e9}).size() == 79);
    CHECK(progress_bar({std::string(200, 'x'), 4, 1, 1e12, 1e11, 1}).size() == 79);
}

TEST_CASE("a progress style is one of four words") {
    CHECK(parse_progress_style("auto") == ProgressStyle::automatic);
    CHECK(parse_progress_style("bar") == ProgressStyle::bar);
    CHECK(parse_progress_style("lines") == ProgressStyle::lines);
    CHECK(parse_progress_style("off") == ProgressStyle::off);
    CHECK(draws_bar(ProgressStyle::bar));
    CHECK_FALSE(draws_bar(ProgressStyle::lines));
    try {
        parse_progress_style("colourful");
        CHECK(false);
    } catch (const Error& error) {
        CHECK(error.code() == ExitCode::usage);
        CHECK(std::string(error.what()).find("auto, bar, lines, off") != std::string::npos);
    }
}

TEST_CASE("progress that is not shown starts no thread and says nothing") {
    Screen screen;
    const auto threads = threads_of_this_process();
    {
        Progress other_rank(false, ProgressStyle::lines, screen.sink(), 1ms);
        Progress off(true, ProgressStyle::off, screen.sink(), 1ms);
        CHECK(threads_of_this_process() <= threads);
        other_rank.begin("assemble", 4, 1e12);
        off.begin("assemble", 4, 1e12);
        other_rank.set_done(1, 1e11);
        std::this_thread::sleep_for(20ms);
        other_rank.finish();
    }
    CHECK(screen.shown().empty());
}

TEST_CASE("lines follow phases and counts, and stop at the end") {
    Screen screen;
    Progress progress(true, ProgressStyle::lines, screen.sink(), 10ms);
    progress.begin("read");
    CHECK(screen.appears("tangram: read: "));
    progress.begin("assemble", 4, 1e12);
    CHECK(screen.appears("tangram: assemble: 0 of 4 tiles, 0.0 %"));
    progress.set_done(2, 6e11);
    progress.set_done(1, 3e11);  // a count that comes late
    CHECK(screen.appears("tangram: assemble: 2 of 4 tiles, 60.0 %"));
    progress.begin("check");
    CHECK(screen.appears("tangram: check: "));
    progress.finish();
    const std::size_t lines = screen.shown().size();
    progress.begin("nothing more");
    std::this_thread::sleep_for(30ms);
    CHECK(screen.shown().size() == lines);
}

TEST_CASE("phases shorter than the interval do not put off the next line") {
    Screen screen;
    Progress progress(true, ProgressStyle::lines, screen.sink(), 300ms);
    CHECK(screen.appears("tangram: short", [&] { progress.begin("short"); }));
}

TEST_CASE("a bar is redrawn on its line and erased at the end, also by an exception") {
    Screen screen;
    try {
        Progress progress(true, ProgressStyle::bar, screen.sink(), 1ms);
        progress.begin("assemble", 4, 1e12);
        CHECK(screen.appears("\rassemble [....................]   0 % 0/4 tiles "));
        CHECK(screen.shown().back().ends_with("\033[K"));
        throw std::runtime_error("the run failed");
    } catch (const std::runtime_error&) {
        CHECK(screen.shown().back() == "\r\033[K");
    }
}

TEST_CASE("the end of a run does not wait for the next line") {
    Screen screen;
    const auto start = std::chrono::steady_clock::now();
    {
        Progress progress(true, ProgressStyle::lines, screen.sink(), 1h);
        progress.begin("assemble", 4, 1e12);
        std::this_thread::sleep_for(20ms);  // so that its thread waits
    }
    CHECK(std::chrono::steady_clock::now() - start < 30min);
    CHECK(screen.shown().empty());
}

TEST_CASE("a display that fails falls silent and leaves the run alone") {
    std::atomic<int> calls = 0;
    Progress progress(
        true, ProgressStyle::lines,
        [&](const std::string&) {
            ++calls;
            throw std::runtime_error("stderr is closed");
        },
        1ms);
    progress.begin("assemble");
    for (int k = 0; k < 10000 && calls == 0; ++k) std::this_thread::sleep_for(5ms);
    std::this_thread::sleep_for(20ms);
    progress.finish();
    CHECK(calls == 1);
}
