#include "tangram/life/journal.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/hash.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace tangram {

namespace {

constexpr std::size_t checksum_digits = 16;

std::string to_hexadecimal(const std::string& bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        text += digits[static_cast<unsigned char>(byte) >> 4];
        text += digits[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

/// Takes words off the front of a line.
class Words {
public:
    explicit Words(std::string_view line) : rest_(line) {}
    [[nodiscard]] bool empty() const { return rest_.empty(); }
    std::string_view next() {
        const std::size_t end = std::min(rest_.find(' '), rest_.size());
        const std::string_view word = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        return word;
    }
    /// A number in base 10 or 16; notes if it is none.
    template <class T>
    T number(int base) {
        T value = 0;
        const std::string_view word = next();
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
        good_ = good_ && !word.empty() && error == std::errc() && end == word.data() + word.size();
        return value;
    }
    std::string bytes() {
        const std::string_view word = next();
        std::string bytes;
        for (std::size_t k = 0; k + 1 < word.size(); k += 2)
            bytes += static_cast<char>(Words(word.substr(k, 2)).number<std::uint8_t>(16));
        return bytes;
    }
    [[nodiscard]] std::string_view rest() const { return rest_; }
    [[nodiscard]] bool good() const { return good_; }

private:
    std::string_view rest_;
    bool good_ = true;
};

/// The line without its checksum; nothing if that does not fit.
std::optional<std::string_view> believed(std::string_view line) {
    if (line.size() <= checksum_digits) return std::nullopt;
    const std::string_view text = line.substr(0, line.size() - checksum_digits - 1);
    if (line.substr(text.size()) != fmt::format(" {:016x}", checksum(text))) return std::nullopt;
    return text;
}

/// What the structure lines of one journal say until now.
struct StructureLines {
    Index file_bytes = 0;
    std::size_t expected = 0;
    std::map<Index, std::string> pieces;  ///< by offset: each may be there more than once
};

void read_line(std::string_view text, JournalContents& contents, StructureLines& lines) {
    Words words(text);
    const std::string_view kind = words.next();
    if (kind == "identity") {
        const std::string identity(words.rest());
        if (std::find(contents.identities.begin(), contents.identities.end(), identity) ==
            contents.identities.end())
            contents.identities.push_back(identity);
    } else if (kind == "file") {
        lines.file_bytes = words.number<Index>(10);
        lines.expected = words.number<std::size_t>(10);
    } else if (kind == "piece") {
        const auto offset = words.number<Index>(10);
        lines.pieces[offset] = words.bytes();
    } else if (kind == "tile") {
        TileRecord record;
        record.tile.row = words.number<Index>(10);
        record.tile.column = words.number<Index>(10);
        while (!words.empty()) record.checksums.push_back(words.number<std::uint64_t>(16));
        if (words.good()) contents.tiles.push_back(std::move(record));
    }
}

}  // namespace

Journal::Journal(const std::string& path) : file_(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)) {}

void Journal::add(const std::string& text) {
    waiting_ += fmt::format("{} {:016x}\n", text, checksum(std::string_view(text)));
}

void Journal::add_identity(const std::string& json) {
    add("identity " + json);
}

void Journal::add_structure(const FileStructure& structure) {
    add(fmt::format("file {} {}", structure.file_bytes, structure.pieces.size()));
    for (const FilePiece& piece : structure.pieces)
        add(fmt::format("piece {} {}", piece.offset, to_hexadecimal(piece.bytes)));
}

void Journal::add_tile(const TileRecord& record) {
    std::string text = fmt::format("tile {} {}", record.tile.row, record.tile.column);
    for (const std::uint64_t value : record.checksums) text += fmt::format(" {:x}", value);
    add(text);
}

void Journal::sync() {
    if (waiting_.empty()) return;
    file_.append(waiting_);
    file_.sync_data();
    waiting_.clear();
}

void read_journal(std::string_view text, JournalContents& contents) {
    StructureLines lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (const auto line = believed(text.substr(0, end))) read_line(*line, contents, lines);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (lines.expected == 0 || lines.pieces.size() != lines.expected) return;
    contents.structure.emplace().file_bytes = lines.file_bytes;
    for (auto& [offset, bytes] : lines.pieces)
        contents.structure->pieces.push_back({offset, std::move(bytes)});
}

}  // namespace tangram
