// Reading and writing of datasets, writing of attributes; files and structure are in hdf5.cpp, reading of
// attributes in hdf5_attributes.cpp.

#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace tangram::h5 {

namespace {

/// One call of HDF5 1.10 moves less than 2^31 bytes.
constexpr Index call_bytes = Index{1} << 30;

template <class T>
hid_t native_type() {
    if constexpr (std::is_same_v<T, float>) {
        return H5T_NATIVE_FLOAT;
    } else if constexpr (std::is_same_v<T, double>) {
        return H5T_NATIVE_DOUBLE;
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
        return H5T_NATIVE_INT64;
    } else {
        static_assert(std::is_same_v<T, std::uint64_t>);
        return H5T_NATIVE_UINT64;
    }
}

/// The type in the file: little-endian, whatever the machine.
template <class T>
hid_t stored_type() {
    if constexpr (std::is_same_v<T, float>) {
        return H5T_IEEE_F32LE;
    } else if constexpr (std::is_same_v<T, double>) {
        return H5T_IEEE_F64LE;
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
        return H5T_STD_I64LE;
    } else {
        static_assert(std::is_same_v<T, std::uint64_t>);
        return H5T_STD_U64LE;
    }
}

Handle string_type() {
    Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

std::vector<hsize_t> to_hsize(std::span<const Index> values) {
    return {values.begin(), values.end()};
}

Index count_of(const Handle& dataset) {
    Index count = 1;
    for (const Index extent : shape(dataset)) count *= extent;
    return count;
}

template <class T>
std::vector<T> read_all(const Handle& dataset) {
    std::vector<T> values(static_cast<std::size_t>(count_of(dataset)));
    if (H5Dread(dataset.get(), native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
        fail(ExitCode::io, "reading a dataset failed: {}", last_error());
    }
    return values;
}

/// The file space of `dataset` with `extent` entries from `start` selected.
Handle selection(const Handle& dataset, std::span<const hsize_t> start, std::span<const hsize_t> extent) {
    Handle space(H5Dget_space(dataset.get()), H5Sclose);
    if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr) < 0) {
        fail(ExitCode::io, "selecting a part of a dataset failed: {}", last_error());
    }
    return space;
}

/// The memory space of a rows x cols block with leading dimension ld.
Handle block_space(Index rows, Index cols, Index ld) {
    const std::array<hsize_t, 2> whole{static_cast<hsize_t>(rows), static_cast<hsize_t>(ld)};
    const std::array<hsize_t, 2> start{0, 0};
    const std::array<hsize_t, 2> part{static_cast<hsize_t>(rows), static_cast<hsize_t>(cols)};
    Handle space(H5Screate_simple(2, whole.data(), nullptr), H5Sclose);
    require(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, part.data(), nullptr),
            "selecting a block of memory");
    return space;
}

/// Calls `move` for consecutive row ranges of a block, each of at most call_bytes.
template <class T, class Move>
void in_row_slices(MatrixView<T> block, Move move) {
    const Index row_bytes = std::max<Index>(1, block.cols * static_cast<Index>(sizeof(T)));
    const Index rows = std::max<Index>(1, call_bytes / row_bytes);
    for (Index first = 0; first < block.rows; first += rows) {
        move(first, block.row_block(first, std::min(rows, block.rows - first)));
    }
}

template <class T>
void write_whole(const Handle& location, const std::string& path, std::span<const T> values,
                 std::span<const Index> dims) {
    const Handle dataset = create_dataset(location, path, stored_type<T>(), dims);
    if (!values.empty() &&
        H5Dwrite(dataset.get(), native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
        fail(ExitCode::io, "writing {} failed: {}: is the disk full?", path, last_error());
    }
}

/// A dataset as `creation` and `access` say.
Handle make_dataset(const Handle& location, const std::string& path, hid_t type, std::span<const Index> dims,
                    const Handle& creation, hid_t access) {
    const std::vector<hsize_t> extent = to_hsize(dims);
    const Handle space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
    const Handle links = links_with_groups();
    Handle dataset(
        H5Dcreate2(location.get(), path.c_str(), type, space.get(), links.get(), creation.get(), access),
        H5Dclose);
    if (!dataset.valid()) fail(ExitCode::io, "cannot create the dataset {}: {}", path, last_error());
    return dataset;
}

void set_chunk(const Handle& creation, std::span<const Index> chunk) {
    const std::vector<hsize_t> tile = to_hsize(chunk);
    require(H5Pset_chunk(creation.get(), static_cast<int>(tile.size()), tile.data()),
            "setting the chunk size");
}

template <class T>
void write_part(const Handle& dataset, Index row, Index col, ConstMatrixView<T> block) {
    in_row_slices(block, [&](Index first, ConstMatrixView<T> part) {
        const std::array<hsize_t, 2> start{static_cast<hsize_t>(row + first), static_cast<hsize_t>(col)};
        const std::array<hsize_t, 2> extent{static_cast<hsize_t>(part.rows), static_cast<hsize_t>(part.cols)};
        const Handle file_space = selection(dataset, start, extent);
        const Handle memory_space = block_space(part.rows, part.cols, part.ld);
        if (H5Dwrite(dataset.get(), native_type<T>(), memory_space.get(), file_space.get(), H5P_DEFAULT,
                     part.data) < 0) {
            fail(ExitCode::io, "writing rows failed: {}: is the disk full?", last_error());
        }
    });
}

void put_attribute(const Handle& object, const std::string& name, hid_t type, hid_t space, hid_t memory_type,
                   const void* value) {
    if (H5Aexists(object.get(), name.c_str()) > 0) H5Adelete(object.get(), name.c_str());
    const Handle attribute(H5Acreate2(object.get(), name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose);
    if (!attribute.valid() || H5Awrite(attribute.get(), memory_type, value) < 0) {
        fail(ExitCode::io, "writing the attribute {} failed: {}: is the disk full?", name, last_error());
    }
}

std::vector<const char*> pointers(std::span<const std::string> values) {
    std::vector<const char*> texts;
    for (const std::string& value : values) texts.push_back(value.c_str());
    return texts;
}

}  // namespace

std::vector<double> read_doubles(const Handle& dataset) {
    return read_all<double>(dataset);
}

std::vector<std::int64_t> read_integers(const Handle& dataset) {
    return read_all<std::int64_t>(dataset);
}

std::vector<std::uint64_t> read_unsigned(const Handle& dataset) {
    return read_all<std::uint64_t>(dataset);
}

void read_rows(const Handle& dataset, Index first, MatrixView<double> out) {
    const std::vector<Index> dims = shape(dataset);
    in_row_slices(out, [&](Index done, MatrixView<double> part) {
        std::vector<hsize_t> start(dims.size(), 0);
        std::vector<hsize_t> extent(dims.begin(), dims.end());
        const Index row = first + done;
        start[0] = static_cast<hsize_t>(row);
        extent[0] = static_cast<hsize_t>(part.rows);
        const Handle file_space = selection(dataset, start, extent);
        const Handle memory_space = block_space(part.rows, part.cols, part.ld);
        if (H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, memory_space.get(), file_space.get(), H5P_DEFAULT,
                    part.data) < 0) {
            fail(ExitCode::io, "reading rows failed: {}", last_error());
        }
    });
}

Handle create_dataset(const Handle& location, const std::string& path, hid_t type,
                      std::span<const Index> dims, std::span<const Index> chunk) {
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    require(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), "allocating early");
    // The same content is to have the same bytes: no time of day in the file.
    require(H5Pset_obj_track_times(creation.get(), false), "leaving times out");
    // Strings of variable length must be filled, or reading an entry that was never written would follow a
    // wild pointer.
    if (H5Tis_variable_str(type) <= 0) {
        require(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), "switching filling off");
    }
    if (!chunk.empty()) set_chunk(creation, chunk);
    return make_dataset(location, path, type, dims, creation, H5P_DEFAULT);
}

Handle create_sparse_dataset(const Handle& location, const std::string& path, hid_t type,
                             std::span<const Index> dims, std::span<const Index> chunk) {
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    require(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_INCR), "allocating as it is written");
    require(H5Pset_obj_track_times(creation.get(), false), "leaving times out");
    set_chunk(creation, chunk);
    // Past the cache of chunks an entry is written where it lies; through it, the whole chunk would be.
    const Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
    require(H5Pset_chunk_cache(access.get(), 0, 0, 0), "switching the cache off");
    return make_dataset(location, path, type, dims, creation, access.get());
}

void write_block(const Handle& dataset, Index row, Index col, ConstMatrixView<float> block) {
    write_part(dataset, row, col, block);
}

void write_block(const Handle& dataset, Index row, Index col, ConstMatrixView<double> block) {
    write_part(dataset, row, col, block);
}

void write_dataset(const Handle& location, const std::string& path, std::span<const double> values,
                   std::span<const Index> dims) {
    write_whole(location, path, values, dims);
}

void write_dataset(const Handle& location, const std::string& path, std::span<const std::int64_t> values,
                   std::span<const Index> dims) {
    write_whole(location, path, values, dims);
}

void write_dataset(const Handle& location, const std::string& path, std::span<const std::uint64_t> values,
                   std::span<const Index> dims) {
    write_whole(location, path, values, dims);
}

void write_dataset(const Handle& location, const std::string& path, std::span<const std::string> values) {
    const Handle type = string_type();
    const std::array<Index, 1> dims{static_cast<Index>(values.size())};
    const Handle dataset = create_dataset(location, path, type.get(), dims);
    const std::vector<const char*> texts = pointers(values);
    if (!texts.empty() &&
        H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()) < 0) {
        fail(ExitCode::io, "writing {} failed: {}: is the disk full?", path, last_error());
    }
}

void write_attribute(const Handle& object, const std::string& name, const std::string& value) {
    const Handle type = string_type();
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const char* text = value.c_str();
    put_attribute(object, name, type.get(), space.get(), type.get(), &text);
}

void write_attribute(const Handle& object, const std::string& name, Index value) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    put_attribute(object, name, H5T_STD_I64LE, space.get(), H5T_NATIVE_INT64, &value);
}

void write_attribute(const Handle& object, const std::string& name, std::uint64_t value) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    put_attribute(object, name, H5T_STD_U64LE, space.get(), H5T_NATIVE_UINT64, &value);
}

void write_attribute(const Handle& object, const std::string& name, double value) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    put_attribute(object, name, H5T_IEEE_F64LE, space.get(), H5T_NATIVE_DOUBLE, &value);
}

void write_attribute(const Handle& object, const std::string& name, std::span<const std::string> values) {
    const Handle type = string_type();
    const hsize_t extent = values.size();
    const Handle space(H5Screate_simple(1, &extent, nullptr), H5Sclose);
    const std::vector<const char*> texts = pointers(values);
    put_attribute(object, name, type.get(), space.get(), type.get(), texts.data());
}

void write_attribute(const Handle& object, const std::string& name, std::span<const std::int64_t> values) {
    const hsize_t extent = values.size();
    const Handle space(H5Screate_simple(1, &extent, nullptr), H5Sclose);
    put_attribute(object, name, H5T_STD_I64LE, space.get(), H5T_NATIVE_INT64, values.data());
}

}  // namespace tangram::h5
