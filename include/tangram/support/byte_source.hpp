#pragma once
// Bytes that lie in a file as they are, or compressed: read at any place, none of them held. Of a compressed source,
// reading on is cheap and going back begins anew, so that rows read in order unpack it once.

#include "tangram/support/file_descriptor.hpp"
#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tangram {

class Inflater;

class ByteSource {
public:
    /// Bytes [begin, begin + size) of a file.
    static ByteSource stored(const std::string& path, Index begin, Index size);
    /// `size` bytes with the checksum `crc`, deflated to bytes [begin, begin + packed) of a file.
    static ByteSource deflated(const std::string& path, Index begin, Index packed, Index size,
                               std::uint32_t crc);
    /// What a .gz file holds.
    static ByteSource gzip(const std::string& path);

    ~ByteSource();
    ByteSource(ByteSource&&) noexcept;
    ByteSource& operator=(ByteSource&&) noexcept;

    /// Whether the source may hold `bytes` bytes; of a .gz file the remainder by 2^32 is known.
    [[nodiscard]] bool may_hold(Index bytes) const;
    [[nodiscard]] const std::string& path() const { return path_; }

    /// Throws Error(bad_input) where the source ends before, or is damaged; Error(io).
    void read_at(void* data, Index bytes, Index offset) const;

private:
    ByteSource(const std::string& path, Index begin, Index packed);
    std::string path_;
    FileDescriptor file_;
    Index begin_ = 0;
    Index packed_ = 0;  ///< bytes in the file
    Index size_ = 0;    ///< bytes when unpacked; of gzip modulo 2^32
    bool is_gzip_ = false;
    std::unique_ptr<Inflater> inflater_;  ///< nothing where the bytes lie as they are
};

}  // namespace tangram
