#pragma once
// Does a file lie on one server of a network file system, however many ranks write it?

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace tangram {

enum class OneServer { nfs, smb, lustre_with_one_stripe };

/// What is known of the file's place; nothing where it is on a local disk, in several stripes, or cannot be known.
std::optional<OneServer> one_server(const std::string& path);

/// Over how many servers a Lustre layout (the extended attribute "lustre.lov") spreads a file; nothing for layouts other
/// than the plain ones, lov_user_md_v1 and _v3 of lustre_user.h.
std::optional<int> lustre_stripes(std::span<const unsigned char> layout);

}  // namespace tangram
