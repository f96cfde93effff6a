#pragma once
// What a run will have in memory, known before it starts: for the rank with the most, in bytes.
//
//   peak = base + max over phases of what exists at once
//
// A product says what its phases hold, line by line; where not everything fits, it says how it does with less.

#include "tangram/grid/schedule.hpp"
#include "tangram/grid/shape.hpp"
#include "tangram/product/problem.hpp"

#include <string>
#include <vector>

namespace tangram {

/// How much of J^T J is under way at once: changes memory and speed, not a bit.
struct GramPace {
    int threads = 1;
    int tiles_a_thread = 2;
    Index batches = 1;  ///< whose features are there at once; all of them serve every pass
};

/// One thing that takes memory, for people.
struct PlanLine {
    std::string what;
    Index bytes = 0;
    std::string note{};
};

struct MemoryPlan {
    Index base = 0;    ///< what the process has before it begins: program, libraries, network
    Index budget = 0;  ///< what there is for it, base included
    Index needed = 0;  ///< at the peak, beyond base
    std::vector<PlanLine> lines{};
    bool fits = true;  ///< in the room that there is
    // How it is done, as far as the product knows these ways.
    Residency residency{};            ///< of features that are exchanged
    GramPace pace{};                  ///< of sums over samples
    bool keep_features = false;       ///< in float64, from when they are computed to the checks
    bool hold_probe_features = true;  ///< whether the checks hold features, or compute them again
    Index received = 0;               ///< bytes of others' features that a rank receives, about
    double feature_rounds = 1;        ///< how often the features are computed in all, in units of once
    [[nodiscard]] Index peak() const { return base + needed; }
};

/// What a plan is made for.
struct PlanRequest {
    const Problem& problem;
    const Shape& shape;
    int ranks = 1;
    int threads = 1;
    Index check_samples = 0;
    Index room = 0;                  ///< bytes beyond base that a rank may take
    std::vector<PlanLine> beside{};  ///< that are taken beside, from the first tile to the end
};

/// Bytes of the check samples' gradients, and of what all checks hold beside features: vectors with one number a row and
/// column of each matrix, and the tiles that the threads read.
Index gradient_bytes(const Network& network, const Reduction& reduction, Index samples);
Index scan_bytes(const Shape& shape, int threads);

}  // namespace tangram
