#pragma once
// Names, shapes and lists as people write and read them: one line, whatever a file says.

#include "tangram/support/matrix.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tangram {

/// `text` on one line: control characters and line ends become '?'.
std::string without_controls(std::string_view text);
/// `text` on one line and no longer than a name should be: control characters and line ends become '?'.
std::string printable(std::string_view text);

/// What to do about an infinity that was stored in float16.
inline constexpr const char* half_overflow =
    "float16 overflows beyond 65504: store the values as float32, or scale them";

/// "(128, 64)".
std::string shape_text(std::span<const Index> shape);

/// "a, b, c", the first few of many.
std::string name_some(std::span<const std::string> names);

/// The parts of "a, b,c" without the blanks around them; one empty part for an empty text.
std::vector<std::string> split_list(std::string_view text);

/// All of `text` as a finite number, or nothing.
std::optional<double> parse_number(std::string_view text);

/// The entry of `known` that takes the fewest edits to become `word`, case aside.
std::string nearest_name(std::string_view word, std::span<const std::string> known);

/// The same, but "" where the nearest is no misspelling of `word`: more than one letter in four is wrong.
std::string near_misspelling(std::string_view word, std::span<const std::string> known);

}  // namespace tangram
