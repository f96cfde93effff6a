#pragma once
// The journal of a partial kernel file: what is safely on disk, line by line. Each rank writes one of its own; all
// that there are belong together.
//
//   identity <JSON>                        what is being computed (life/identity.hpp)
//   file <bytes> <pieces>                  size of the file when it was made; how many pieces follow
//   piece <offset> <hexadecimal bytes>     of the file's structure as it was made (file/structure.hpp)
//   tile <I> <J> <checksum> ..             all matrices of tile (I, J) are on disk, each matrix's checksum followed by
//                                          that of its mirror unless I = J
//
// Every line ends in a blank and its own XXH3-64 in 16 hexadecimal digits: a line that was half written or has changed
// since is not believed, and costs what it said and nothing else.

#include "tangram/grid/partition.hpp"
#include "tangram/support/file_descriptor.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tangram {

/// A tile that is on disk.
struct TileRecord {
    Tile tile;
    std::vector<std::uint64_t> checksums;  ///< matrix by matrix: of the tile, then of its mirror unless I = J
};

/// Bytes of a file.
struct FilePiece {
    Index offset = 0;
    std::string bytes;
};

/// A file's size and all of it but its big arrays.
struct FileStructure {
    Index file_bytes = 0;
    std::vector<FilePiece> pieces;
};

/// One rank's journal.
class Journal {
public:
    /// Creates it. Throws Error(io).
    explicit Journal(const std::string& path);
    /// Each adds a line, which is on disk after sync(). Throws Error(no_resources) or Error(io).
    void add_identity(const std::string& json);
    void add_structure(const FileStructure& structure);
    void add_tile(const TileRecord& record);
    void sync();

private:
    void add(const std::string& text);
    FileDescriptor file_;
    std::string waiting_;
};

/// What the journals say.
struct JournalContents {
    std::vector<std::string> identities;     ///< JSON, each once
    std::optional<FileStructure> structure;  ///< where all of it was found
    std::vector<TileRecord> tiles;
};

/// Adds what one journal's text says to `contents`.
void read_journal(std::string_view text, JournalContents& contents);

}  // namespace tangram
