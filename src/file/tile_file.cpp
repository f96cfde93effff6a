#include "tangram/file/tile_file.hpp"

#include "tangram/support/block.hpp"
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

/// Where the chunks of a matrix lie. HDF5 may leave gaps between them, so that each begins on
/// a page. Throws Error(io) unless they lie in order, equally far apart.
ChunkRun locate_chunks(const h5::Handle& file, const Shape& shape, const StoredMatrix& matrix) {
    const h5::Handle dataset = h5::open_dataset(file, matrix.path);
    const Index rows = shape.tile_rows(matrix);
    const Index columns = shape.tile_columns(matrix);
    const Index bytes = rows * columns * value_bytes(shape.precision);
    const Index last_row = shape.axes.row.panels() - 1;
    const Index last_column = shape.axes.column.panels() - 1;
    const Index begin = h5::chunk_offset(dataset, 0, 0);
    const Index second = last_column > 0 ? h5::chunk_offset(dataset, 0, columns)
                         : last_row > 0  ? h5::chunk_offset(dataset, rows, 0)
                                         : begin + bytes;
    const Index stride = second - begin;
    for (const Tile tile : {Tile{0, last_column}, Tile{last_row, 0}, Tile{last_row, last_column}}) {
        const Index place = h5::chunk_offset(dataset, tile.row * rows, tile.column * columns);
        if (stride < bytes || place != begin + shape.axes.stored_index(tile) * stride) {
            fail(ExitCode::io,
                 "the tiles do not lie in order ({}): this HDF5 {} lays files out in another way",
                 matrix.path, h5::library_version());
        }
    }
    return {begin, stride};
}

/// [tile (I, J), I >= J]: where its chunk begins.
std::vector<Index> offsets_of_lower(const h5::Handle& file, const Shape& shape, const StoredMatrix& matrix) {
    const h5::Handle dataset = h5::open_dataset(file, matrix.path);
    std::vector<Index> offsets;
    for (const Tile& tile : shape.axes.all())
        offsets.push_back(h5::chunk_offset(dataset, tile.row * shape.tile_rows(matrix),
                                           tile.column * shape.tile_columns(matrix)));
    return offsets;
}

/// The file opened past the page cache; closed where its file system does not know how.
FileDescriptor open_direct(const std::string& path, int flags) {
    FileDescriptor file(path, flags | O_DIRECT);
    const AlignedBuffer<char> memory(page_aligned_from);
    if (file.is_open() && pread(file.get(), memory.data(), page_bytes, 0) < 0) return {};
    return file;
}

}  // namespace

TileFile::TileFile(const std::string& path, const Shape& shape, Access access)
    : axes_(shape.axes), lower_(shape.lower), precision_(shape.precision) {
    const h5::Handle file = h5::open_readonly(path);
    for (const StoredMatrix& matrix : shape.matrices) {
        if (!shape.stored) break;
        const Index rows = shape.tile_rows(matrix);
        const Index columns = shape.tile_columns(matrix);
        if (shape.lower) {
            std::vector<Index> offsets = offsets_of_lower(file, shape, matrix);
            const bool on_pages = std::all_of(offsets.begin(), offsets.end(),
                                              [](Index offset) { return at(offset) % page_bytes == 0; });
            places_.push_back({0, 0, rows, columns, matrix.rows_each,
                               on_pages && at(rows * columns * value_bytes(precision_)) % page_bytes == 0,
                               std::move(offsets)});
            continue;
        }
        const ChunkRun run = locate_chunks(file, shape, matrix);
        places_.push_back({run.begin,
                           run.stride,
                           rows,
                           columns,
                           matrix.rows_each,
                           at(run.begin) % page_bytes == 0 &&
                               at(rows * columns * value_bytes(precision_)) % page_bytes == 0,
                           {}});
    }
    for (const StoredArray& array : shape.arrays)
        arrays_.push_back({h5::data_offset(h5::open_dataset(file, array.path)), array.rows, array.columns});
    const int flags = access == Access::read ? O_RDONLY : O_RDWR;
    cached_ = open_file(path, flags);
    direct_ = open_direct(path, flags);
}

Index TileFile::offset_of(std::size_t matrix, const Tile& block) const {
    const Place& place = places_[matrix];
    if (lower_) return place.offsets[at(axes_.index_of(block))];
    return place.begin + axes_.stored_index(block) * place.stride;
}

const FileDescriptor& TileFile::descriptor_for(const Place& place, const void* memory) const {
    const bool on_pages = reinterpret_cast<std::uintptr_t>(memory) % page_bytes == 0;
    return place.direct && on_pages && direct_.is_open() ? direct_ : cached_;
}

template <class T>
void TileFile::write(std::size_t matrix, const Tile& block, ConstMatrixView<T> values) const {
    const Place& place = places_[matrix];
    const Index bytes = place.chunk_rows * place.chunk_columns * static_cast<Index>(sizeof(T));
    descriptor_for(place, values.data).write_at(values.data, bytes, offset_of(matrix, block));
}

template <class T>
ConstMatrixView<T> TileFile::read(std::size_t matrix, const Tile& block, T* memory) const {
    const Place& place = places_[matrix];
    const Index bytes = place.chunk_rows * place.chunk_columns * static_cast<Index>(sizeof(T));
    if (lower_ && axes_.computed(block) != block) {
        const AlignedBuffer<T> across(std::max(place.chunk_rows * place.chunk_columns, page_aligned_from));
        const ConstMatrixView<T> mirror = read(matrix, mirror_of(block), across.data());
        const MatrixView<T> values{memory, mirror.cols, mirror.rows, place.chunk_columns};
        transpose(mirror, values);
        return values;
    }
    descriptor_for(place, memory).read_at(memory, bytes, offset_of(matrix, block));
    return {memory, axes_.row.size(block.row) * place.rows_each,
            axes_.column.size(block.column) * place.rows_each, place.chunk_columns};
}

void TileFile::read_part(const Place& place, Index row, Index col, Index count, void* out) const {
    const Tile block{row / place.chunk_rows, col / place.chunk_columns};
    const Index in_chunk = row % place.chunk_rows * place.chunk_columns + col % place.chunk_columns;
    const auto matrix = static_cast<std::size_t>(&place - places_.data());
    const Index bytes = value_bytes(precision_);
    cached_.read_at(out, count * bytes, offset_of(matrix, block) + in_chunk * bytes);
}

void TileFile::read_entries(std::size_t matrix, Index row, Index col, MatrixView<double> out) const {
    const Place& place = places_[matrix];
    const Tile block{row / place.chunk_rows, col / place.chunk_columns};
    const bool across = lower_ && axes_.computed(block) != block;
    // Of a tile that is there transposed, column after column.
    const Index runs = across ? out.cols : out.rows, length = across ? out.rows : out.cols;
    std::vector<float> singles(at(precision_ == Precision::float32 ? length : 0));
    std::vector<double> doubles(at(precision_ == Precision::float64 ? length : 0));
    for (Index k = 0; k < runs; ++k) {
        void* const to =
            precision_ == Precision::float32 ? static_cast<void*>(singles.data()) : doubles.data();
        if (across)
            read_part(place, col + k, row, length, to);
        else
            read_part(place, row + k, col, length, to);
        for (Index e = 0; e < length; ++e) {
            const double value =
                precision_ == Precision::float32 ? static_cast<double>(singles[at(e)]) : doubles[at(e)];
            (across ? out(e, k) : out(k, e)) = value;
        }
    }
}

void TileFile::write_rows(std::size_t array, Index first, ConstMatrixView<double> rows) const {
    const Index bytes = rows.cols * value_bytes(precision_);
    const Index place = arrays_[array].begin + first * bytes;
    if (precision_ == Precision::float64) {
        cached_.write_at(rows.data, rows.rows * bytes, place);
        return;
    }
    const std::vector<float> rounded(rows.data, rows.data + rows.rows * rows.cols);
    cached_.write_at(rounded.data(), rows.rows * bytes, place);
}

std::vector<ByteRange> TileFile::array_ranges() const {
    std::vector<ByteRange> ranges;
    const Index bytes = value_bytes(precision_);
    for (const Rows& array : arrays_)
        ranges.push_back({array.begin, array.begin + array.count * array.columns * bytes});
    for (const Place& place : places_) {
        const Index chunk_bytes = place.chunk_rows * place.chunk_columns * bytes;
        for (const Index offset : place.offsets) ranges.push_back({offset, offset + chunk_bytes});
        if (lower_) continue;
        ranges.push_back(
            {place.begin, place.begin + (axes_.stored_tiles() - 1) * place.stride + chunk_bytes});
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
