#include "tangram/support/zip.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

namespace tangram {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t end_record_bytes = 22, entry_bytes = 46, local_header_bytes = 30;
constexpr Index in_zip64 = 0xffffffff;  ///< a number that is found in the zip64 field instead

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
    fail(ExitCode::bad_input, "a zip archive {} ({}): copy or save it again", what, path);
}

/// The little-endian number in bytes [at, at + count) of `bytes`.
Index number_at(const std::string& path, std::string_view bytes, std::size_t at, std::size_t count) {
    if (at + count > bytes.size()) refuse(path, "that is damaged");
    std::uint64_t value = 0;
    for (std::size_t k = count; k-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[at + k]);
    if (value >> 62U != 0) refuse(path, "that is damaged");
    return static_cast<Index>(value);
}

/// Bytes [begin, begin + count) of a file of `size` bytes.
std::string part_of(const FileDescriptor& file, const std::string& path, Index size, Index begin,
                    Index count) {
    if (begin < 0 || count < 0 || begin > size || count > size - begin) refuse(path, "that is damaged");
    std::string bytes(at(count), '\0');
    file.read_at(bytes.data(), count, begin);
    return bytes;
}

/// The directory: where it lies and how many members it lists.
struct Directory {
    Index begin = 0, bytes = 0, members = 0;
};

Directory find_directory(const FileDescriptor& file, const std::string& path, Index size) {
    constexpr Index longest_comment = 65535;
    const Index tail_begin = std::max<Index>(0, size - longest_comment - Index{end_record_bytes});
    const std::string tail = part_of(file, path, size, tail_begin, size - tail_begin);
    const std::size_t end = tail.rfind("PK\5\6"sv);
    if (end == std::string::npos) refuse(path, "that is cut off");
    Directory directory{number_at(path, tail, end + 16, 4), number_at(path, tail, end + 12, 4),
                        number_at(path, tail, end + 10, 2)};
    if (end < 20 || std::string_view(tail).substr(end - 20, 4) != "PK\6\7"sv) return directory;
    const Index record = number_at(path, tail, end - 20 + 8, 8);
    const std::string wide = part_of(file, path, size, record, 56);
    if (!wide.starts_with("PK\6\6"sv)) refuse(path, "that is damaged");
    return {number_at(path, wide, 48, 8), number_at(path, wide, 40, 8), number_at(path, wide, 32, 8)};
}

/// Takes numbers that do not fit into 32 bits from the entry's zip64 field, where they are in this order.
void widen(const std::string& path, std::string_view extra, std::initializer_list<Index*> numbers) {
    for (std::size_t place = 0; place + 4 <= extra.size();) {
        const Index tag = number_at(path, extra, place, 2);
        const auto length = static_cast<std::size_t>(number_at(path, extra, place + 2, 2));
        const std::string_view field = extra.substr(place + 4, length);
        place += 4 + length;
        if (tag != 1) continue;
        std::size_t next = 0;
        for (Index* number : numbers) {
            if (*number != in_zip64) continue;
            *number = number_at(path, field, next, 8);
            next += 8;
        }
    }
}

ZipMember read_entry(const FileDescriptor& file, const std::string& path, Index file_size,
                     std::string_view entry, std::size_t& length) {
    if (!entry.starts_with("PK\1\2"sv)) refuse(path, "whose directory is damaged");
    const auto name_length = static_cast<std::size_t>(number_at(path, entry, 28, 2));
    const auto extra_length = static_cast<std::size_t>(number_at(path, entry, 30, 2));
    length = entry_bytes + name_length + extra_length + at(number_at(path, entry, 32, 2));
    if (length > entry.size()) refuse(path, "whose directory is damaged");
    ZipMember member;
    member.name = entry.substr(entry_bytes, name_length);
    member.crc = static_cast<std::uint32_t>(number_at(path, entry, 16, 4));
    member.packed = number_at(path, entry, 20, 4);
    member.size = number_at(path, entry, 24, 4);
    Index header = number_at(path, entry, 42, 4);
    widen(path, entry.substr(entry_bytes + name_length, extra_length),
          {&member.size, &member.packed, &header});

    const Index method = number_at(path, entry, 10, 2);
    const bool is_encrypted = number_at(path, entry, 8, 2) % 2 == 1;
    if (is_encrypted || (method != 0 && method != 8)) {
        refuse(path, fmt::format("with '{}' {}", printable(member.name),
                                 is_encrypted ? "encrypted" : "packed in a way that is not deflate"));
    }
    member.is_deflated = method == 8;
    const std::string local = part_of(file, path, file_size, header, local_header_bytes);
    if (!local.starts_with("PK\3\4"sv)) refuse(path, "that is damaged");
    member.begin =
        header + Index{local_header_bytes} + number_at(path, local, 26, 2) + number_at(path, local, 28, 2);
    if (member.begin > file_size || member.packed > file_size - member.begin ||
        (!member.is_deflated && member.packed != member.size)) {
        refuse(path, fmt::format("that does not hold all of '{}'", printable(member.name)));
    }
    return member;
}

}  // namespace

std::vector<ZipMember> read_zip(const std::string& path) {
    const FileDescriptor file = open_file(path, O_RDONLY);
    const auto size = static_cast<Index>(std::filesystem::file_size(path));
    if (size < Index{end_record_bytes}) refuse(path, "that is cut off");
    const Directory directory = find_directory(file, path, size);
    const std::string bytes = part_of(file, path, size, directory.begin, directory.bytes);
    std::vector<ZipMember> members;
    std::set<std::string> names;
    std::string_view rest = bytes;
    for (Index k = 0; k < directory.members; ++k) {
        std::size_t length = 0;
        members.push_back(read_entry(file, path, size, rest, length));
        rest.remove_prefix(length);
        if (!names.insert(members.back().name).second)
            refuse(path, fmt::format("with two members '{}'", printable(members.back().name)));
    }
    return members;
}

ByteSource open_member(const std::string& path, const ZipMember& member) {
    return member.is_deflated
               ? ByteSource::deflated(path, member.begin, member.packed, member.size, member.crc)
               : ByteSource::stored(path, member.begin, member.size);
}

std::string read_member(const std::string& path, const ZipMember& member) {
    const ByteSource source = open_member(path, member);
    std::string bytes(at(member.size), '\0');
    source.read_at(bytes.data(), member.size, 0);
    return bytes;
}

}  // namespace tangram
