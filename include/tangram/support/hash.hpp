#pragma once
// Hashes: XXH3 for tiles (fast), SHA-256 for inputs (what people compare by hand).

#include "tangram/support/matrix.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace tangram {

/// XXH3-64 of the entries of `block`, row after row, without the padding of its leading dimension.
std::uint64_t checksum(ConstMatrixView<float> block);
std::uint64_t checksum(ConstMatrixView<double> block);
/// XXH3-64 of a text.
std::uint64_t checksum(std::string_view text);

/// XXH3-64 of bytes that come piece by piece.
class RunningChecksum {
public:
    RunningChecksum();
    void add_bytes(const void* data, std::size_t bytes);
    void add(std::uint64_t number) { add_bytes(&number, sizeof number); }
    /// With its length, so that "ab", "c" is not "a", "bc".
    void add(const std::string& text);
    [[nodiscard]] std::uint64_t value() const;

private:
    struct Free {
        void operator()(XXH3_state_s* state) const;
    };
    std::unique_ptr<XXH3_state_s, Free> state_;
};

struct FileDigest {
    std::string path;
    Index bytes = 0;
    std::string sha256;  ///< lower-case hexadecimal
};

/// Reads the file `path` once. Throws Error(io) naming it.
FileDigest digest_file(const std::string& path, const std::function<void()>& between_pieces = {});

}  // namespace tangram
