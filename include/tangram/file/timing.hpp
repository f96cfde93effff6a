#pragma once
// What a run took, over all ranks: as it is stored in /timing and printed.

#include "tangram/support/phases.hpp"

namespace tangram {

/// Seconds and bytes of a run, over all ranks.
struct Timing {
    std::vector<double> seconds;      ///< (phases, ranks)
    std::vector<double> peak_memory;  ///< (ranks), bytes
    Index ranks = 1;
    Index threads = 1;
    double flops = 0;  ///< of the tiles
    Index bytes_received = 0;
    Index bytes_written = 0;
    Index planned_memory = 0;  ///< of the rank with the most, bytes
};

}  // namespace tangram
