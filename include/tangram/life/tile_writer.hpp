#pragma once
// The big arrays of the kernel file, written tile by tile: no rank ever holds an N x N matrix.
//
//   create_kernel_file(): all ranks make the datasets through MPI-IO and close the file; its space is reserved
//   TileWriter: each rank writes its own tiles and rows where they lie (file/tile_file.hpp), alone
//   strings, attributes and small tables follow at the end (file/metadata.hpp): parallel HDF5 cannot write
//   them

#include "tangram/file/tile_file.hpp"
#include "tangram/grid/plane_queue.hpp"
#include "tangram/life/journal.hpp"
#include "tangram/support/log.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/support/parallel_hdf5.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// Collective. Creates `path` with the big datasets of `shape`, telling MPI-IO `hints`, and reserves its space on
/// disk.
/// Throws AgreedError(no_resources) with the bytes needed if the space is not there.
void create_kernel_file(const mpi::Communicator& comm, const std::string& path, const Shape& shape,
                        const h5::MpiIoHints& hints, Log& log);

class TileWriter {
public:
    /// Opens the file that create_kernel_file made. Not collective.
    TileWriter(const std::string& path, const Shape& shape);

    /// From now on a tile that is whole is noted in `journal` at the next checkpoint().
    void keep_journal(Journal journal);
    /// Takes a tile that an earlier run wrote and that was read back.
    void adopt(const TileRecord& record);
    /// Brings what was written to disk, and then notes the tiles in the journal. Throws Error(no_resources) or
    /// Error(io).
    void checkpoint();

    /// Writes one block and remembers its checksum. Throws Error(no_resources) if the disk is full, else
    /// Error(io).
    template <class T>
    void write(const FinishedPlane<T>& plane);
    /// Writes rows [first, first + rows.rows) of the shape's array with this path.
    void write_rows(const std::string& path, Index first, ConstMatrixView<double> rows);
    /// Brings what was written to disk.
    void sync() const { file_.sync(); }

    [[nodiscard]] const TileFile& file() const { return file_; }
    /// [matrix]: the XXH3 of each tile that this rank wrote, (row panels, column panels) row-major, 0 elsewhere.
    [[nodiscard]] std::vector<std::vector<std::uint64_t>>& checksums() { return checksums_; }
    /// Tiles that this rank wrote whole, or adopted.
    [[nodiscard]] Index tiles_whole() const { return tiles_whole_; }
    /// Bytes that this rank wrote.
    [[nodiscard]] Index bytes_written() const { return bytes_written_; }

private:
    void note(const Tile& tile);
    [[nodiscard]] TileRecord record_of(const Tile& tile) const;

    TileFile file_;
    Shape shape_;
    std::vector<std::vector<std::uint64_t>> checksums_;
    std::optional<Journal> journal_;
    std::vector<std::uint32_t> planes_written_;  ///< of each tile, both orientations; by Axes::index_of()
    std::vector<Tile> whole_;                    ///< tiles that are not in the journal yet
    Index tiles_whole_ = 0;
    Index bytes_written_ = 0;
};

}  // namespace tangram
