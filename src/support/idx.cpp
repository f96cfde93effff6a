#include "tangram/support/idx.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

namespace tangram {

namespace {

std::optional<ElementType> parse_type(unsigned char code) {
    switch (code) {
        case 0x08:
            return ElementType{ElementKind::integer, false, 1, true, false};
        case 0x09:
            return ElementType{ElementKind::integer, true, 1, true, false};
        case 0x0b:
            return ElementType{ElementKind::integer, true, 2, true, false};
        case 0x0c:
            return ElementType{ElementKind::integer, true, 4, true, false};
        case 0x0d:
            return ElementType{ElementKind::real, true, 4, true, false};
        case 0x0e:
            return ElementType{ElementKind::real, true, 8, true, false};
        default:
            return std::nullopt;
    }
}

}  // namespace

std::optional<NumberArray> open_idx(const std::string& path) {
    constexpr unsigned char most_dimensions = 8;
    const auto size = static_cast<Index>(std::filesystem::file_size(path));
    std::array<unsigned char, 4> start{};
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(start.data()), 4);
    if (!file || size < 8) return std::nullopt;
    const bool is_gzip = start[0] == 0x1f && start[1] == 0x8b;
    ByteSource bytes = is_gzip ? ByteSource::gzip(path) : ByteSource::stored(path, 0, size);
    if (is_gzip) bytes.read_at(start.data(), 4, 0);
    const std::optional<ElementType> type = parse_type(start[2]);
    if (start[0] != 0 || start[1] != 0 || !type || start[3] == 0 || start[3] > most_dimensions)
        return std::nullopt;
    std::vector<Index> shape(start[3]);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        std::array<unsigned char, 4> extent{};
        bytes.read_at(extent.data(), 4, 4 + 4 * static_cast<Index>(axis));
        for (const unsigned char byte : extent) shape[axis] = 256 * shape[axis] + byte;
    }
    const Index data_begin = 4 + 4 * static_cast<Index>(shape.size());
    return NumberArray(std::move(bytes), data_begin, *type, std::move(shape), false);
}

}  // namespace tangram
