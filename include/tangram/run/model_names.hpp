#pragma once
// What the checkpoints of a training run are called, and where in training that says they lie.

#include <string>
#include <vector>

namespace tangram {

/// The last part of a path, which is what tells checkpoints apart; without its beginning where it is long.
std::string short_name(const std::string& model);

/// Numbers for the axis of a figure: the one number that differs in the names, or 0, 1, .. where there is no such. Sets `from` to
/// "file names" or "order".
std::vector<double> steps_of(const std::vector<std::string>& models, std::string& from);

}  // namespace tangram
