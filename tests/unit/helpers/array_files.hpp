#pragma once
// The bytes of .npy, .npz and IDX files, put together from their formats.

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace tangram::test {

/// The `count` lowest bytes of `value`, least first.
inline std::string little(std::uint64_t value, std::size_t count) {
    std::string bytes;
    for (std::size_t k = 0; k < count; ++k) bytes += static_cast<char>(value >> (8 * k) & 0xffU);
    return bytes;
}

inline std::string big(std::uint64_t value, std::size_t count) {
    std::string bytes = little(value, count);
    std::reverse(bytes.begin(), bytes.end());
    return bytes;
}

/// All `values` as Stored, in either byte order.
template <class Stored>
std::string stored(const std::vector<double>& values, bool big_endian = false) {
    std::string all;
    for (const double value : values) {
        const auto own = static_cast<Stored>(value);
        std::string bytes(sizeof(Stored), '\0');
        std::memcpy(bytes.data(), &own, sizeof(Stored));
        if (big_endian) std::reverse(bytes.begin(), bytes.end());
        all += bytes;
    }
    return all;
}

/// As numpy.save() writes it: `shape` as Python prints it, "(10, 6)".
inline std::string npy(const std::string& descr, const std::string& shape, const std::string& data,
                       bool fortran = false, char version = 1) {
    std::string header = "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
                         ", 'shape': " + shape + ", }";
    const std::size_t length_bytes = version == 1 ? 2 : 4;
    while ((8 + length_bytes + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    return std::string("\x93NUMPY") + version + '\0' + little(header.size(), length_bytes) + header + data;
}

/// Deflated without a header (-15), or as gzip (31).
inline std::string deflate_bytes(const std::string& data, int format = -15) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY);
    std::string packed(deflateBound(&stream, data.size()), '\0');
    std::string input = data;
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

struct Member {
    std::string name, data;
    bool deflated = false;
};

/// A zip archive; with the sizes in zip64 fields where `wide`.
inline std::string zip(const std::vector<Member>& members, bool wide = false) {
    std::string bytes, directory;
    for (const Member& member : members) {
        const std::string packed = member.deflated ? deflate_bytes(member.data) : member.data;
        const auto crc = crc32(0, reinterpret_cast<const Bytef*>(member.data.data()),
                               static_cast<uInt>(member.data.size()));
        const std::size_t offset = bytes.size();
        const std::string sizes =
            wide ? std::string(8, '\xff') : little(packed.size(), 4) + little(member.data.size(), 4);
        const std::string extra =
            wide ? little(1, 2) + little(16, 2) + little(member.data.size(), 8) + little(packed.size(), 8)
                 : "";
        const std::string common = little(20, 2) + little(0, 2) + little(member.deflated ? 8 : 0, 2) +
                                   little(0, 4) + little(crc, 4) + sizes + little(member.name.size(), 2) +
                                   little(extra.size(), 2);
        bytes.append("PK\3\4").append(common).append(member.name).append(extra).append(packed);
        directory.append("PK\1\2").append(little(20, 2)).append(common).append(little(0, 2));
        directory.append(little(0, 4)).append(little(0, 4)).append(little(offset, 4));
        directory.append(member.name).append(extra);
    }
    const std::size_t begin = bytes.size();
    bytes += directory;
    return bytes + "PK\5\6" + little(0, 4) + little(members.size(), 2) + little(members.size(), 2) +
           little(directory.size(), 4) + little(begin, 4) + little(0, 2);
}

/// An IDX file: type 8 is uint8, 0x0d float32.
inline std::string idx(unsigned type, const std::vector<std::uint64_t>& shape, const std::string& data) {
    std::string bytes = big(0, 2) + big(type, 1) + big(shape.size(), 1);
    for (const std::uint64_t extent : shape) bytes += big(extent, 4);
    return bytes + data;
}

}  // namespace tangram::test
