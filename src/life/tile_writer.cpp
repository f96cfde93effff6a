#include "tangram/life/tile_writer.hpp"

#include "tangram/file/format.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/hash.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace tangram {

namespace {

hid_t stored_type(Precision precision) {
    return precision == Precision::float32 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
}

/// Collective.
void create_datasets(const mpi::Communicator& comm, const std::string& path, const Shape& shape,
                     const h5::MpiIoHints& hints) {
    h5::Handle file = h5::create_parallel(path, comm, hints);
    {
        const h5::Handle root = h5::open_group(file, "/");
        h5::write_attribute(root, "format", std::string(format_name));
        h5::write_attribute(root, "format_version", format_version);
        h5::write_attribute(root, "status", std::string("partial"));
    }
    for (const StoredMatrix& matrix : shape.matrices) {
        if (!shape.stored || shape.lower) break;
        const std::array<Index, 2> dims{shape.rows(matrix), shape.columns(matrix)};
        const std::array<Index, 2> tile{shape.tile_rows(matrix), shape.tile_columns(matrix)};
        h5::create_dataset(file, matrix.path, stored_type(shape.precision), dims, tile);
    }
    for (const StoredArray& array : shape.arrays) {
        const std::array<Index, 2> dims{array.rows, array.columns};
        h5::create_dataset(file, array.path, stored_type(shape.precision), dims);
    }
    file.close(path);
}

/// One rank. The matrices of which only tiles (I, J) with I >= J take room: HDF5 gives a place to a chunk that something is written to,
/// and MPI-IO would give one to all.
void create_lower_matrices(const std::string& path, const Shape& shape) {
    h5::Handle file = h5::open_for_tiles(path);
    for (const StoredMatrix& matrix : shape.matrices) {
        const std::array<Index, 2> dims{shape.rows(matrix), shape.columns(matrix)};
        const std::array<Index, 2> chunk{shape.tile_rows(matrix), shape.tile_columns(matrix)};
        const h5::Handle dataset =
            h5::create_sparse_dataset(file, matrix.path, stored_type(shape.precision), dims, chunk);
        for (const Tile& tile : shape.axes.all())
            h5::give_place_to_chunk(dataset, tile.row * chunk[0], tile.column * chunk[1]);
    }
    file.close(path);
}

}  // namespace

void create_kernel_file(const mpi::Communicator& comm, const std::string& path, const Shape& shape,
                        const h5::MpiIoHints& hints, Log& log) {
    try {
        // Every call is collective, so all ranks fail together, and say so once.
        agree(comm, [&] { create_datasets(comm, path, shape, hints); });
    } catch (const AgreedError& error) {
        // HDF5 1.10 crashes in MPI_Finalize once a file could not be closed under MPI: one rank ends the job.
        if (comm.is_root()) throw Error(error.code(), error.what());
        mpi::barrier(comm);
    }
    agree_on_root(comm, [&] {
        try {
            if (shape.stored && shape.lower) create_lower_matrices(path, shape);
            reserve_space(path, log);
        } catch (...) {
            std::remove(path.c_str());
            throw;
        }
    });
}

TileWriter::TileWriter(const std::string& path, const Shape& shape)
    : file_(path, shape, TileFile::Access::read_write),
      shape_(shape),
      checksums_(shape.matrices.size(), std::vector<std::uint64_t>(at(shape.axes.stored_tiles()), 0)),
      planes_written_(at(shape.axes.tiles()), 0) {}

void TileWriter::keep_journal(Journal journal) {
    journal_.emplace(std::move(journal));
}

void TileWriter::adopt(const TileRecord& record) {
    auto value = record.checksums.begin();
    for (auto& checksums : checksums_) {
        checksums[at(shape_.axes.stored_index(record.tile))] = *value++;
        if (shape_.stores_mirror(record.tile))
            checksums[at(shape_.axes.stored_index(mirror_of(record.tile)))] = *value++;
    }
    note(record.tile);
}

void TileWriter::note(const Tile& tile) {
    ++tiles_whole_;
    if (journal_) whole_.push_back(tile);
}

TileRecord TileWriter::record_of(const Tile& tile) const {
    TileRecord record{tile, {}};
    for (const auto& checksums : checksums_) {
        record.checksums.push_back(checksums[at(shape_.axes.stored_index(tile))]);
        if (shape_.stores_mirror(tile))
            record.checksums.push_back(checksums[at(shape_.axes.stored_index(mirror_of(tile)))]);
    }
    return record;
}

void TileWriter::checkpoint() {
    if (!journal_ || whole_.empty()) return;
    file_.sync();
    for (const Tile& tile : whole_) journal_->add_tile(record_of(tile));
    journal_->sync();
    whole_.clear();
}

template <class T>
void TileWriter::write(const FinishedPlane<T>& plane) {
    if (!shape_.stored || !shape_.stores(plane.block)) return;
    const std::size_t matrix = at(plane.matrix);
    file_.write(matrix, plane.block, plane.values);
    checksums_[matrix][at(shape_.axes.stored_index(plane.block))] = checksum(plane.values);
    bytes_written_ += plane.values.rows * plane.values.cols * static_cast<Index>(sizeof(T));
    const Tile tile = shape_.axes.computed(plane.block);
    if (++planes_written_[at(shape_.axes.index_of(tile))] == shape_.planes_of(tile)) note(tile);
}

template void TileWriter::write(const FinishedPlane<float>&);
template void TileWriter::write(const FinishedPlane<double>&);

void TileWriter::write_rows(const std::string& path, Index first, ConstMatrixView<double> rows) {
    const std::vector<StoredArray>& arrays = shape_.arrays;
    const auto found = std::find_if(arrays.begin(), arrays.end(),
                                    [&](const StoredArray& array) { return array.path == path; });
    if (found == arrays.end()) fail(ExitCode::failed, "no array of this file is called {}", path);
    if (rows.rows > 0) file_.write_rows(static_cast<std::size_t>(found - arrays.begin()), first, rows);
}

}  // namespace tangram
