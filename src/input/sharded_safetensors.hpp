#pragma once
// A model in several safetensors files beside its index, a JSON file: "weight_map": {"tensor": "file"}.

#include "tangram/input/tensors.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Whether this is the name of an index.
bool is_index(const std::string& path);

/// The files that an index names, each once, all in its own folder. Throws Error(bad_input).
std::vector<std::string> read_index(const std::string& path);

/// Throws Error(bad_input) where `path` is named as one part of several, model-00001-of-00002.safetensors.
void refuse_part(const std::string& path);

/// The tensors of all parts. Throws Error(bad_input) where index and files disagree.
ModelFile read_sharded(const std::string& path, const std::string& group);

}  // namespace tangram
