#pragma once
// Wall time of the phases of a run, on one rank.

#include "tangram/support/matrix.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

namespace tangram {

/// The phases of a run, in the order of `/timing/phase`.
enum class Phase : std::size_t { read, features, exchange, assemble, write, check };
inline constexpr std::array<const char*, 6> phase_names{"read",     "features", "exchange",
                                                        "assemble", "write",    "check"};

/// Seconds spent in each phase by this rank.
class PhaseTimer {
public:
    /// Times one phase from construction to destruction.
    class Scope {
    public:
        Scope(PhaseTimer& timer, Phase phase) : timer_(timer), phase_(phase), start_(Clock::now()) {}
        ~Scope() { timer_.seconds_[static_cast<std::size_t>(phase_)] += since(start_); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        PhaseTimer& timer_;
        Phase phase_;
        std::chrono::steady_clock::time_point start_;
    };

    [[nodiscard]] Scope measure(Phase phase) { return {*this, phase}; }
    void add(Phase phase, double seconds) { seconds_[static_cast<std::size_t>(phase)] += seconds; }
    [[nodiscard]] double seconds(Phase phase) const { return seconds_[static_cast<std::size_t>(phase)]; }
    [[nodiscard]] const std::array<double, phase_names.size()>& all() const { return seconds_; }

private:
    using Clock = std::chrono::steady_clock;
    static double since(Clock::time_point start) {
        return std::chrono::duration<double>(Clock::now() - start).count();
    }
    std::array<double, phase_names.size()> seconds_{};
};

}  // namespace tangram
