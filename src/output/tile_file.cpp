#include "tangram/output/tile_file.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace tangram {

namespace {

constexpr std::size_t page_bytes = 4096;

struct ChunkRun {
    Index begin = 0;
    Index stride = 0;
};

/// Where the chunks of a matrix lie, T' values a side. HDF5 may leave gaps between them, so that each begins on
/// a page. Throws Error(io) unless they lie in order, equally far apart.
ChunkRun locate_chunks(const h5::Handle& file, const std::string& path, Index chunk_rows, Index tiles,
                       Index chunk_bytes) {
    const h5::Handle dataset = h5::open_dataset(file, path);
    const Index begin = h5::chunk_offset(dataset, 0, 0);
    const Index stride = tiles > 1 ? h5::chunk_offset(dataset, 0, chunk_rows) - begin : chunk_bytes;
    for (const Tile tile : {Tile{0, tiles - 1}, Tile{tiles - 1, 0}, Tile{tiles - 1, tiles - 1}}) {
        const Index place = h5::chunk_offset(dataset, tile.row * chunk_rows, tile.column * chunk_rows);
        if (stride < chunk_bytes || place != begin + (tile.row * tiles + tile.column) * stride) {
            fail(ExitCode::io,
                 "the tiles do not lie in order ({}): this HDF5 {} lays files out in another way", path,
                 h5::library_version());
        }
    }
    return {begin, stride};
}

/// The file opened past the page cache; closed where its file system does not know how.
FileDescriptor open_direct(const std::string& path, int flags) {
    FileDescriptor file(path, flags | O_DIRECT);
    const AlignedBuffer<char> memory(page_aligned_from);
    if (file.is_open() && pread(file.get(), memory.data(), page_bytes, 0) < 0) return {};
    return file;
}

}  // namespace

TileFile::TileFile(const std::string& path, const KernelShape& shape, Access access)
    : panels_(shape.panels), precision_(shape.precision), samples_(shape.samples), outputs_(shape.outputs) {
    const h5::Handle file = h5::open_readonly(path);
    for (const KernelMatrix& matrix : shape.matrices) {
        const Index rows = shape.tile_rows(matrix);
        const Index bytes = rows * rows * value_bytes(precision_);
        const ChunkRun run = locate_chunks(file, matrix.path, rows, panels_.count(), bytes);
        places_.push_back({run.begin, run.stride, rows, matrix.rows_per_sample,
                           at(run.begin) % page_bytes == 0 && at(bytes) % page_bytes == 0});
    }
    if (h5::exists(file, "/outputs")) outputs_begin_ = h5::data_offset(h5::open_dataset(file, "/outputs"));
    const int flags = access == Access::read ? O_RDONLY : O_RDWR;
    cached_ = open_file(path, flags);
    direct_ = open_direct(path, flags);
}

Index TileFile::offset_of(std::size_t matrix, const Tile& block) const {
    const Place& place = places_[matrix];
    return place.begin + (block.row * panels_.count() + block.column) * place.stride;
}

const FileDescriptor& TileFile::descriptor_for(const Place& place, const void* memory) const {
    const bool on_pages = reinterpret_cast<std::uintptr_t>(memory) % page_bytes == 0;
    return place.direct && on_pages && direct_.is_open() ? direct_ : cached_;
}

template <class T>
void TileFile::write(std::size_t matrix, const Tile& block, ConstMatrixView<T> values) const {
    const Place& place = places_[matrix];
    const Index bytes = place.chunk_rows * place.chunk_rows * static_cast<Index>(sizeof(T));
    descriptor_for(place, values.data).write_at(values.data, bytes, offset_of(matrix, block));
}

template <class T>
ConstMatrixView<T> TileFile::read(std::size_t matrix, const Tile& block, T* memory) const {
    const Place& place = places_[matrix];
    const Index bytes = place.chunk_rows * place.chunk_rows * static_cast<Index>(sizeof(T));
    descriptor_for(place, memory).read_at(memory, bytes, offset_of(matrix, block));
    return {memory, panels_.size(block.row) * place.rows_per_sample,
            panels_.size(block.column) * place.rows_per_sample, place.chunk_rows};
}

void TileFile::read_entries(std::size_t matrix, Index row, Index col, MatrixView<double> out) const {
    const Place& place = places_[matrix];
    const Tile block{row / place.chunk_rows, col / place.chunk_rows};
    const Index bytes = value_bytes(precision_);
    std::vector<float> singles(at(out.cols));
    for (Index i = 0; i < out.rows; ++i) {
        const Index in_chunk = (row + i) % place.chunk_rows * place.chunk_rows + col % place.chunk_rows;
        void* const to = precision_ == Precision::float32 ? static_cast<void*>(singles.data()) : out.row(i);
        cached_.read_at(to, out.cols * bytes, offset_of(matrix, block) + in_chunk * bytes);
        if (precision_ == Precision::float32) std::copy(singles.begin(), singles.end(), out.row(i));
    }
}

void TileFile::write_outputs(Index first, ConstMatrixView<double> outputs) const {
    const Index row_bytes = outputs_ * value_bytes(precision_);
    if (precision_ == Precision::float64) {
        cached_.write_at(outputs.data, outputs.rows * row_bytes, outputs_begin_ + first * row_bytes);
        return;
    }
    std::vector<float> rounded(outputs.data, outputs.data + outputs.rows * outputs.cols);
    cached_.write_at(rounded.data(), outputs.rows * row_bytes, outputs_begin_ + first * row_bytes);
}

std::vector<ByteRange> TileFile::array_ranges() const {
    std::vector<ByteRange> ranges{
        {outputs_begin_, outputs_begin_ + samples_ * outputs_ * value_bytes(precision_)}};
    const Index chunks = panels_.count() * panels_.count();
    for (const Place& place : places_) {
        const Index chunk_bytes = place.chunk_rows * place.chunk_rows * value_bytes(precision_);
        ranges.push_back({place.begin, place.begin + (chunks - 1) * place.stride + chunk_bytes});
    }
    return ranges;
}

void TileFile::sync() const {
    cached_.sync_data();
}

template void TileFile::write(std::size_t, const Tile&, ConstMatrixView<float>) const;
template void TileFile::write(std::size_t, const Tile&, ConstMatrixView<double>) const;
template ConstMatrixView<float> TileFile::read(std::size_t, const Tile&, float*) const;
template ConstMatrixView<double> TileFile::read(std::size_t, const Tile&, double*) const;

}  // namespace tangram
