#pragma once
// How much memory this process takes, and how much there is for it, in bytes.

#include "tangram/support/matrix.hpp"

#include <optional>

namespace tangram {

/// What this process has in memory now.
Index resident_memory();

/// The most that it has had so far.
Index peak_memory();

/// What processes of this node can still take without swapping, as far as the system and the process's control
/// groups (version 2) say; nothing where neither does.
std::optional<Index> available_memory();

/// Whether so many more bytes of address space can be had: a limit on it (ulimit -v) ends libraries that do not ask in ways of
/// their own.
bool has_address_space(Index bytes);

/// Bytes as GiB, 2^30 of them.
inline double gib(Index bytes) {
    return static_cast<double>(bytes) / static_cast<double>(Index{1} << 30);
}

}  // namespace tangram
