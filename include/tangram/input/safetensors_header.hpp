#pragma once
// The header of a safetensors file, checked by every rule of the format before anything in it is believed:
//
//   8 bytes: n, little-endian | n bytes of JSON, "name": {"dtype", "shape", "data_offsets": [begin, end]} | data
//
// n is at most 100 000 000 and fits the file; no key occurs twice; a tensor of shape s takes product(s) *
// size bytes; in the order of their offsets the tensors cover the data from its start to the file's end
// without hole or overlap.

#include "tangram/support/matrix.hpp"

#include <map>
#include <string>
#include <vector>

namespace tangram {

struct TensorEntry {
    std::string name;
    std::string dtype;
    std::vector<Index> shape;
    Index begin = 0;  ///< bytes from the start of the data
    Index end = 0;
};

struct SafetensorsHeader {
    std::vector<TensorEntry> entries;             ///< in the order of their offsets
    std::map<std::string, std::string> metadata;  ///< __metadata__
    Index data_start = 0;                         ///< bytes from the start of the file
};

/// Throws Error(bad_input) naming the file, the tensor and the rule that is broken.
SafetensorsHeader read_safetensors_header(const std::string& path);

}  // namespace tangram
