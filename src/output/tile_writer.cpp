#include "tangram/output/tile_writer.hpp"

#include "tangram/output/lifecycle.hpp"
#include "tangram/support/agreement.hpp"
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
void create_datasets(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                     const h5::MpiIoHints& hints) {
    h5::Handle file = h5::create_parallel(path, comm, hints);
    {
        const h5::Handle root = h5::open_group(file, "/");
        h5::write_attribute(root, "format", std::string("tangram"));
        h5::write_attribute(root, "format_version", format_version);
        h5::write_attribute(root, "status", std::string("partial"));
    }
    for (const KernelMatrix& matrix : shape.matrices) {
        const std::array<Index, 2> dims{shape.rows(matrix), shape.rows(matrix)};
        const std::array<Index, 2> tile{shape.tile_rows(matrix), shape.tile_rows(matrix)};
        h5::create_dataset(file, matrix.path, stored_type(shape.precision), dims, tile);
    }
    const std::array<Index, 2> dims{shape.samples, shape.outputs};
    h5::create_dataset(file, "/outputs", stored_type(shape.precision), dims);
    file.close(path);
}

}  // namespace

void create_kernel_file(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
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
            reserve_space(path, log);
        } catch (...) {
            std::remove(path.c_str());
            throw;
        }
    });
}

TileWriter::TileWriter(const std::string& path, const KernelShape& shape)
    : file_(path, shape, TileFile::Access::read_write),
      tiles_(shape.panels.count()),
      checksums_(shape.matrices.size(), std::vector<std::uint64_t>(at(tiles_ * tiles_), 0)),
      planes_written_(at(tiles_ * (tiles_ + 1) / 2), 0) {}

void TileWriter::keep_journal(Journal journal) {
    journal_.emplace(std::move(journal));
}

void TileWriter::adopt(const TileRecord& record) {
    auto value = record.checksums.begin();
    for (auto& checksums : checksums_) {
        checksums[at(record.tile.row * tiles_ + record.tile.column)] = *value++;
        if (!record.tile.is_diagonal())
            checksums[at(record.tile.column * tiles_ + record.tile.row)] = *value++;
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
        record.checksums.push_back(checksums[at(tile.row * tiles_ + tile.column)]);
        if (!tile.is_diagonal()) record.checksums.push_back(checksums[at(tile.column * tiles_ + tile.row)]);
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
    const std::size_t matrix = at(plane.matrix);
    file_.write(matrix, plane.block, plane.values);
    checksums_[matrix][at(plane.block.row * tiles_ + plane.block.column)] = checksum(plane.values);
    bytes_written_ += plane.values.rows * plane.values.cols * static_cast<Index>(sizeof(T));
    const Tile tile{std::max(plane.block.row, plane.block.column),
                    std::min(plane.block.row, plane.block.column)};
    const std::size_t planes = checksums_.size() * (tile.is_diagonal() ? 1 : 2);
    if (++planes_written_[at(tile_index(tile))] == planes) note(tile);
}

template void TileWriter::write(const FinishedPlane<float>&);
template void TileWriter::write(const FinishedPlane<double>&);

void TileWriter::write_outputs(Index first, ConstMatrixView<double> outputs) {
    if (outputs.rows > 0) file_.write_outputs(first, outputs);
}

}  // namespace tangram
