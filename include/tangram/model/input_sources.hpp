#pragma once
// Which files the values of a dataset really lie in: the one that was named, and those that it refers to. A file that
// changes behind a link changes the samples, although the file that the user named stays as it is.

#include "tangram/model/input_dataset.hpp"

#include <string>
#include <vector>

namespace tangram {

/// The files beside `input.location.file` that its values come from, sorted: behind an external link, in raw external
/// storage, as sources of a virtual dataset (and of those in turn). Sources that are not there count as fill values
/// and are left out. Throws Error(io).
std::vector<std::string> linked_files(const InputDataset& input);

}  // namespace tangram
