#include "tangram/support/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

namespace tangram {

namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

/// Bytes of the control character or line end at text[i]; 0 where there is none. In UTF-8, C2 80..9F are the
/// C1 controls and E2 80 A8, E2 80 A9 the line and paragraph separators.
std::size_t control_length(std::string_view text, std::size_t i) {
    const unsigned char first = byte_at(text, i);
    const unsigned char second = byte_at(text, i + 1);
    const unsigned char third = byte_at(text, i + 2);
    if (first < 0x20 || first == 0x7f) return 1;
    if (first == 0xc2 && second >= 0x80 && second <= 0x9f) return 2;
    if (first == 0xe2 && second == 0x80 && (third == 0xa8 || third == 0xa9)) return 3;
    return 0;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Letters to insert, to drop, to change or to swap with their neighbours, case aside (Damerau's distance between strings
/// whose parts are edited once).
std::size_t edit_distance(std::string_view a, std::string_view b) {
    const auto same = [&](std::size_t i, std::size_t j) { return lower(a[i]) == lower(b[j]); };
    std::vector<std::size_t> before_last, last, row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_last = std::exchange(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same(i - 1, j - 1) ? 0 : 1)});
            if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1))
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
    }
    return row[b.size()];
}

}  // namespace

std::string without_controls(std::string_view text) {
    std::string line;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t control = control_length(text, i);
        line += control > 0 ? '?' : text[i];
        i += std::max<std::size_t>(1, control);
    }
    return line;
}

std::string printable(std::string_view text) {
    constexpr std::size_t longest = 250;
    std::string line = without_controls(text);
    if (line.size() <= longest) return line;
    std::size_t end = longest;  // cut between characters: bytes 80..BF continue one
    while (end < line.size() && (byte_at(line, end) & 0xc0U) == 0x80U) ++end;
    return end < line.size() ? line.substr(0, end) + ".." : line;
}

std::string shape_text(std::span<const Index> shape) {
    return fmt::format("({})", fmt::join(shape, ", "));
}

std::string name_some(std::span<const std::string> names) {
    constexpr std::size_t most = 10;
    std::vector<std::string> shown;
    for (const std::string& name : names.first(std::min(most, names.size()))) {
        shown.push_back(printable(name));
    }
    const std::string text = fmt::format("{}", fmt::join(shown, ", "));
    return names.size() <= most ? text : fmt::format("{} and {} more", text, names.size() - most);
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> parts;
    for (std::size_t start = 0;;) {
        const std::size_t comma = text.find(',', start);
        std::string_view part = text.substr(start, comma == text.npos ? text.npos : comma - start);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        parts.emplace_back(part);
        if (comma == text.npos) return parts;
        start = comma + 1;
    }
}

std::optional<double> parse_number(std::string_view text) {
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

std::string nearest_name(std::string_view word, std::span<const std::string> known) {
    const std::string_view start = word.substr(0, 100);  // a longer word is near to nothing anyway
    const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
        return edit_distance(start, a) < edit_distance(start, b);
    });
    return nearest == known.end() ? std::string{} : *nearest;
}

std::string near_misspelling(std::string_view word, std::span<const std::string> known) {
    const std::string nearest = nearest_name(word, known);
    const std::size_t letters = std::min(word.size(), nearest.size());
    const bool is_near =
        word.size() <= 100 && edit_distance(word, nearest) <= std::max<std::size_t>(letters / 4, 1);
    return is_near ? nearest : "";
}

}  // namespace tangram
