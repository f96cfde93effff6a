#include "tangram/support/striping.hpp"

#include <sys/vfs.h>
#include <sys/xattr.h>

#include <array>
#include <cstdint>

namespace tangram {

namespace {

// f_type of statfs(2).
constexpr std::uint32_t nfs = 0x6969;
constexpr std::uint32_t smb = 0x517B;
constexpr std::uint32_t smb2 = 0xFE534D42;
constexpr std::uint32_t cifs = 0xFF534D42;
constexpr std::uint32_t lustre = 0x0BD00BD0;

std::uint32_t little_endian(std::span<const unsigned char> bytes) {
    std::uint32_t value = 0;
    for (std::size_t k = bytes.size(); k-- > 0;) value = value << 8U | bytes[k];
    return value;
}

std::optional<int> lustre_stripes_of(const std::string& path) {
    std::array<unsigned char, 4096> layout{};
    const ssize_t bytes = getxattr(path.c_str(), "lustre.lov", layout.data(), layout.size());
    if (bytes < 0) return std::nullopt;
    return lustre_stripes(std::span(layout).first(static_cast<std::size_t>(bytes)));
}

}  // namespace

std::optional<int> lustre_stripes(std::span<const unsigned char> layout) {
    // magic (4), pattern (4), object (16), stripe size (4), stripe count (2), ..
    constexpr std::uint32_t plain_v1 = 0x0BD10BD0;
    constexpr std::uint32_t plain_v3 = 0x0BD30BD0;
    constexpr std::size_t count_at = 28;
    if (layout.size() < count_at + 2) return std::nullopt;
    const std::uint32_t magic = little_endian(layout.first(4));
    if (magic != plain_v1 && magic != plain_v3) return std::nullopt;
    return static_cast<int>(little_endian(layout.subspan(count_at, 2)));
}

std::optional<OneServer> one_server(const std::string& path) {
    struct statfs volume {};
    if (statfs(path.c_str(), &volume) != 0) return std::nullopt;
    const auto type = static_cast<std::uint32_t>(volume.f_type);
    if (type == nfs) return OneServer::nfs;
    if (type == smb || type == smb2 || type == cifs) return OneServer::smb;
    if (type == lustre && lustre_stripes_of(path) == 1) return OneServer::lustre_with_one_stripe;
    return std::nullopt;
}

}  // namespace tangram
