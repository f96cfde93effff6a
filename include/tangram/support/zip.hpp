#pragma once
// The members of a zip archive (.npz, .keras), stored or deflated: nothing is unpacked to disk. APPNOTE.TXT 6.3, with
// zip64.

#include "tangram/support/byte_source.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tangram {

struct ZipMember {
    std::string name;
    bool is_deflated = false;
    Index begin = 0;   ///< of its bytes in the file
    Index packed = 0;  ///< bytes in the file
    Index size = 0;    ///< bytes when unpacked
    std::uint32_t crc = 0;
};

/// Every member, in the order of the archive's directory. Throws Error(bad_input) naming the file, and the member that
/// is encrypted or packed in another way.
std::vector<ZipMember> read_zip(const std::string& path);

ByteSource open_member(const std::string& path, const ZipMember& member);
/// All of a member's bytes.
std::string read_member(const std::string& path, const ZipMember& member);

}  // namespace tangram
