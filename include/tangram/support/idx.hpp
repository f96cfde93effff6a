#pragma once
// IDX files, in which MNIST and its like come (train-images-idx3-ubyte, also .gz): two zero bytes, type, number of
// dimensions, the dimensions and then the entries row-major, all big-endian.

#include "tangram/support/number_array.hpp"

#include <optional>
#include <string>

namespace tangram {

/// The array in an IDX file, plain or in gzip; nothing if the file does not begin like one. Throws Error(bad_input) if it
/// is not as long as its header says.
std::optional<NumberArray> open_idx(const std::string& path);

}  // namespace tangram
