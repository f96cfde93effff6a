#pragma once
// Hashes: XXH3 for tiles (fast), SHA-256 for inputs (what people compare by hand).

#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tangram {

/// XXH3-64 of the entries of `block`, row after row, without the padding of its leading dimension.
std::uint64_t checksum(ConstMatrixView<float> block);
std::uint64_t checksum(ConstMatrixView<double> block);
/// XXH3-64 of a text.
std::uint64_t checksum(std::string_view text);

struct FileDigest {
    std::string path;
    Index bytes = 0;
    std::string sha256;  ///< lower-case hexadecimal
};

/// Reads the file `path` once. Throws Error(io) naming it.
FileDigest digest_file(const std::string& path);

}  // namespace tangram
