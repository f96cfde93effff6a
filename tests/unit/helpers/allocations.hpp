#pragma once
// How much memory a piece of code takes, so that a reader can be held to the size of its file.

#include <cstddef>

namespace tangram::test {

/// Starts to count what this thread allocates with new.
void watch_allocations();

/// The most bytes that it had at one time since then.
std::size_t most_allocated();

}  // namespace tangram::test
