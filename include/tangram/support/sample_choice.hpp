#pragma once
// A few of many samples, the same on every rank and machine: spread evenly, or drawn by a hash of a seed.

#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <vector>

namespace tangram {

/// `wanted` samples (or all N) spread evenly from the first to the last. Depends on N alone.
std::vector<std::int64_t> spread_check_samples(Index samples, Index wanted);

/// `wanted` of `samples` samples by a hash of `seed`, ascending; all of them if there are no more.
std::vector<Index> choose_samples(Index samples, Index wanted, std::uint64_t seed);

}  // namespace tangram
