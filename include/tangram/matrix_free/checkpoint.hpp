#pragma once
// What a long run without matrices has so far: named arrays, in OUT.h5.partial, format "tangram checkpoint". Replaced as a whole: a run
// that dies while it writes leaves the one before.

#include "tangram/support/matrix.hpp"

#include <map>
#include <optional>
#include <string>

namespace tangram {

using CheckpointArrays = std::map<std::string, Matrix<double>>;

/// One rank. Throws Error(io).
void save_checkpoint(const std::string& path, const std::string& identity, const CheckpointArrays& arrays);

/// One rank. Nothing where there is no file. Throws Error(usage) where it is of another run, Error(bad_input) where it is none.
std::optional<CheckpointArrays> load_checkpoint(const std::string& path, const std::string& identity);

}  // namespace tangram
