#include "tangram/life/structure.hpp"

#include "tangram/support/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tangram {

FileStructure read_structure(const std::string& path, const TileFile& file) {
    const FileDescriptor descriptor = open_file(path, O_RDONLY);
    struct stat status {};
    if (fstat(descriptor.get(), &status) != 0)
        fail(ExitCode::io, "cannot inspect ({}): {}", path, std::strerror(errno));
    FileStructure structure;
    structure.file_bytes = status.st_size;
    std::vector<ByteRange> arrays = file.array_ranges();
    std::sort(arrays.begin(), arrays.end(),
              [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
    arrays.push_back({structure.file_bytes, structure.file_bytes});
    Index begin = 0;
    for (const ByteRange& array : arrays) {
        if (array.begin > begin) {
            FilePiece piece{begin, std::string(at(array.begin - begin), '\0')};
            descriptor.read_at(piece.bytes.data(), static_cast<Index>(piece.bytes.size()), begin);
            structure.pieces.push_back(std::move(piece));
        }
        begin = std::max(begin, array.end);
    }
    return structure;
}

void restore_structure(const std::string& path, const FileStructure& structure) {
    const FileDescriptor file = open_file(path, O_RDWR);
    if (ftruncate(file.get(), structure.file_bytes) != 0) {
        fail(ExitCode::io, "cannot restore the partial output ({}): {}", path, std::strerror(errno));
    }
    for (const FilePiece& piece : structure.pieces)
        file.write_at(piece.bytes.data(), static_cast<Index>(piece.bytes.size()), piece.offset);
    file.sync();
}

}  // namespace tangram
