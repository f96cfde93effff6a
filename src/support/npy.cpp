#include "tangram/support/npy.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/text.hpp"
#include "tangram/support/zip.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <filesystem>
#include <regex>
#include <utility>

namespace tangram {

namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::string_view member_ending = ".npy";

/// `place` is "file" or "file:array".
[[noreturn]] void refuse(const std::string& place, const std::string& what) {
    fail(ExitCode::bad_input, "{} ({}): save it again with numpy.save() as float32 or float64", what, place);
}

std::string_view kind_in_words(char kind) {
    switch (kind) {
        case 'c':
            return "complex numbers";
        case 'O':
            return "Python objects";
        case 'M':
        case 'm':
            return "dates or times";
        case 'V':
            return "structured values";
        default:
            return "values that are no numbers";
    }
}

/// "<f8": byte order, kind, bytes of an entry; of texts the number of characters.
ElementType parse_dtype(const std::string& place, const std::string& text) {
    const char kind = text[1];
    const Index count = std::stoll(text.substr(2));
    const bool big = text[0] == '>' || (text[0] == '=' && std::endian::native == std::endian::big);
    const bool is_size = count == 1 || count == 2 || count == 4 || count == 8;
    if (kind == 'f' && is_size && count > 1) return {ElementKind::real, true, count, big, false};
    if (kind == 'i' && is_size) return {ElementKind::integer, true, count, big, false};
    if (kind == 'u' && is_size) return {ElementKind::integer, false, count, big, false};
    if (kind == 'b' && count == 1) return {ElementKind::boolean, false, 1, false, false};
    if (kind == 'U' && count > 0) return {ElementKind::text, true, 4 * count, big, true};
    if (kind == 'S' && count > 0) return {ElementKind::text, true, count, false, false};
    const std::string what =
        kind == 'f' ? "numbers of another width than 16, 32 or 64 bits" : std::string(kind_in_words(kind));
    refuse(place, fmt::format("an array of {}, dtype {}", what, text));
}

NumberArray parse(const std::string& place, ByteSource bytes, const std::string& header, Index data_begin) {
    static const std::regex dtype("'descr': *'([<>|=][a-zA-Z][0-9]{1,9})(\\[[a-zA-Z0-9]*\\])?'");
    static const std::regex objects("'descr': *'\\|O'");
    static const std::regex order("'fortran_order': *(True|False)");
    static const std::regex shape("'shape': *\\(([0-9, ]*)\\)");
    std::smatch found;
    if (std::regex_search(header, objects)) {
        fail(
            ExitCode::bad_input,
            "an array of Python objects ({}): save it again with numpy.save() as float32 or float64, or texts as x.astype(str)",
            place);
    }
    if (!std::regex_search(header, found, dtype)) refuse(place, "an array of structured values");
    const ElementType type = parse_dtype(place, found[1]);
    if (!std::regex_search(header, found, order)) refuse(place, "an array with a damaged header");
    const bool column_major = found[1] == "True";
    if (!std::regex_search(header, found, shape)) refuse(place, "an array with a damaged header");
    std::vector<Index> extents;
    for (const std::string& extent : split_list(found[1].str())) {
        if (extent.empty()) continue;
        if (extent.size() > 15 || extent.find(' ') != std::string::npos)
            refuse(place, "an array with a damaged header");
        extents.push_back(std::stoll(extent));
    }
    return {std::move(bytes), data_begin, type, std::move(extents), column_major};
}

NumberArray open(const std::string& place, ByteSource bytes, Index size) {
    constexpr Index longest_header = 8192;  // of an array of numbers it has about a hundred bytes
    std::array<unsigned char, 12> start{};
    if (size < 12) refuse(place, "not an array of NumPy's");
    bytes.read_at(start.data(), 12, 0);
    if (std::memcmp(start.data(), magic.data(), magic.size()) != 0) refuse(place, "not an array of NumPy's");
    const bool is_first = start[6] == 1;  // its header's length has two bytes, later ones' four
    Index length = start[8] + 256 * start[9];
    if (!is_first) length += (Index{start[10]} << 16) + (Index{start[11]} << 24);
    const Index header_begin = is_first ? 10 : 12;
    const Index data_begin = header_begin + length;
    if (data_begin > size) refuse(place, "an array that is cut off, or damaged");
    if (length > longest_header) refuse(place, "an array of structured values, or with a damaged header");
    std::string header(at(length), ' ');
    bytes.read_at(header.data(), length, header_begin);
    return parse(place, std::move(bytes), header, data_begin);
}

}  // namespace

NumberArray open_npy(const std::string& path) {
    require_readable_file(path);
    const auto size = static_cast<Index>(std::filesystem::file_size(path));
    return open(path, ByteSource::stored(path, 0, size), size);
}

std::vector<std::string> npz_names(const std::string& path) {
    std::vector<std::string> names;
    for (const ZipMember& member : read_zip(path)) {
        if (member.name.ends_with(member_ending))
            names.push_back(member.name.substr(0, member.name.size() - member_ending.size()));
    }
    return names;
}

NumberArray open_npz(const std::string& path, const std::string& name) {
    require_readable_file(path);
    for (const ZipMember& member : read_zip(path)) {
        if (member.name == name + std::string(member_ending) || (member.name == name && !name.empty()))
            return open(path + ":" + printable(name), open_member(path, member), member.size);
    }
    const std::vector<std::string> names = npz_names(path);
    fail(ExitCode::bad_input, "no array '{}' ({}): it holds {}", printable(name), path,
         names.empty() ? "none" : name_some(names));
}

}  // namespace tangram
