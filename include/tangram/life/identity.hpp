#pragma once
// What decides every bit of a kernel: two runs with the same identity write the same file, and one may finish what
// the other began.

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tangram {

/// Fields in the order in which they are compared: {"model", "sha256 .."}, {"activation", "tanh"}, ..
using Identity = std::vector<std::pair<std::string, std::string>>;

/// As JSON, on one line.
std::string to_json(const Identity& identity);
/// Nothing if `text` is not such a JSON.
std::optional<Identity> parse_identity(const std::string& text);

struct IdentityDifference {
    std::string field, recorded, present;
};
/// The first field in which they differ.
std::optional<IdentityDifference> first_difference(const Identity& recorded, const Identity& present);

}  // namespace tangram
