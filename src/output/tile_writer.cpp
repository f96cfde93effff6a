#include "tangram/output/tile_writer.hpp"

#include "tangram/output/lifecycle.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/parallel_hdf5.hpp"

#include <array>

namespace tangram {

namespace {

hid_t stored_type(Precision precision) {
    return precision == Precision::float32 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
}

}  // namespace

void create_kernel_file(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                        Log& log) {
    // Every call is collective, so all ranks fail together, and say so once.
    agree(comm, [&] {
        h5::Handle file = h5::create_parallel(path, comm);
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
        const std::array<Index, 2> dims{shape.panels.samples, shape.outputs};
        h5::create_dataset(file, "/outputs", stored_type(shape.precision), dims);
        file.close(path);
    });
    agree_on_root(comm, [&] { reserve_space(path, log); });
}

TileWriter::TileWriter(const std::string& path, const KernelShape& shape)
    : file_(path, shape, TileFile::Access::read_write),
      tiles_(shape.panels.count()),
      checksums_(shape.matrices.size(), std::vector<std::uint64_t>(at(tiles_ * tiles_), 0)) {}

template <class T>
void TileWriter::write(const FinishedPlane<T>& plane) {
    const std::size_t matrix = at(plane.matrix);
    file_.write(matrix, plane.block, plane.values);
    checksums_[matrix][at(plane.block.row * tiles_ + plane.block.column)] = checksum(plane.values);
    bytes_written_ += plane.values.rows * plane.values.cols * static_cast<Index>(sizeof(T));
}

template void TileWriter::write(const FinishedPlane<float>&);
template void TileWriter::write(const FinishedPlane<double>&);

void TileWriter::write_outputs(Index first, ConstMatrixView<double> outputs) {
    if (outputs.rows > 0) file_.write_outputs(first, outputs);
}

}  // namespace tangram
