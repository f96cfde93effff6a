#include "tangram/support/hdf5.hpp"

#include "tangram/support/error.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

namespace tangram::h5 {

namespace {

herr_t keep_first(unsigned, const H5E_error2_t* error, void* text) {
    auto& first = *static_cast<std::string*>(text);
    if (first.empty() && error->desc != nullptr) first = error->desc;
    return 0;
}

/// Whether the object is (in) a file that is open under MPI, so that closing it is collective.
bool is_of_all_ranks(hid_t id) {
    const H5I_type_t type = H5Iget_type(id);
    if (type != H5I_FILE && type != H5I_GROUP && type != H5I_DATASET && type != H5I_ATTR) return false;
    const hid_t file = H5Iget_file_id(id);
    const hid_t access = H5Fget_access_plist(file);
    const bool is_shared = access < 0 || H5Pget_driver(access) == H5FD_MPIO;
    H5Pclose(access);
    H5Fclose(file);
    return is_shared;
}

herr_t collect_dataset(hid_t, const char* name, const H5O_info_t* info, void* names) {
    if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

herr_t collect_object(hid_t, const char* name, const H5O_info_t* info, void* names) {
    if (info->type == H5O_TYPE_DATASET || info->type == H5O_TYPE_GROUP)
        static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

}  // namespace

Handle::Handle(hid_t id, Close close_function)
    : id_(id), close_(close_function), exceptions_(std::uncaught_exceptions()) {}

Handle::~Handle() {
    if (id_ < 0) return;
    if (std::uncaught_exceptions() <= exceptions_ || !is_of_all_ranks(id_)) close_(id_);
}

Handle::Handle(Handle&& other) noexcept
    : id_(std::exchange(other.id_, -1)), close_(other.close_), exceptions_(other.exceptions_) {}

Handle& Handle::operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    std::swap(exceptions_, other.exceptions_);
    return *this;
}

void Handle::close(std::string_view what) {
    if (id_ >= 0 && close_(std::exchange(id_, -1)) < 0) {
        fail(ExitCode::io, "closing failed ({}): {}: is the disk full?", what, last_error());
    }
}

void initialize() {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string last_error() {
    std::string text;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

void require(herr_t status, std::string_view doing) {
    if (status < 0) fail(ExitCode::io, "HDF5 failed in {}: {}", doing, last_error());
}

std::string library_version() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    H5get_libversion(&major, &minor, &release);
    return fmt::format("{}.{}.{}", major, minor, release);
}

// ------------------------------------------------------------------------------------------------ files

Handle open_readonly(const std::string& path) {
    Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!file.valid()) fail(ExitCode::io, "cannot open as HDF5 ({}): {}", path, last_error());
    return file;
}

Handle open_readwrite(const std::string& path) {
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    require(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_LATEST), "choosing a file format");
    Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), H5Fclose);
    if (!file.valid()) fail(ExitCode::io, "cannot open for writing ({}): {}", path, last_error());
    return file;
}

Handle open_for_tiles(const std::string& path) {
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    require(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_LATEST), "choosing a file format");
    require(H5Pset_alignment(access.get(), 65536, 4096), "aligning tiles");
    Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), H5Fclose);
    if (!file.valid()) fail(ExitCode::io, "cannot open for writing ({}): {}", path, last_error());
    return file;
}

Handle create_serial(const std::string& path) {
    Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    if (!file.valid()) fail(ExitCode::io, "cannot create ({}): {}", path, last_error());
    return file;
}

// ------------------------------------------------------------------------------------------------ structure

bool exists(const Handle& location, const std::string& path) {
    // H5Lexists wants every group on the way to be there, so the path is tried piece by piece.
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (part.empty() || part == "/") return true;
        if (H5Lexists(location.get(), part.c_str(), H5P_DEFAULT) <= 0) return false;
        if (slash == std::string::npos)
            return H5Oexists_by_name(location.get(), part.c_str(), H5P_DEFAULT) > 0;
    }
}

Handle open_dataset(const Handle& location, const std::string& path) {
    Handle dataset(H5Dopen2(location.get(), path.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.valid()) fail(ExitCode::io, "cannot open the dataset {}: {}", path, last_error());
    return dataset;
}

Handle open_group(const Handle& location, const std::string& path) {
    Handle group(H5Gopen2(location.get(), path.c_str(), H5P_DEFAULT), H5Gclose);
    if (!group.valid()) fail(ExitCode::io, "cannot open the group {}: {}", path, last_error());
    return group;
}

Handle links_with_groups() {
    Handle plist(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    require(H5Pset_create_intermediate_group(plist.get(), 1), "asking for the groups above a path");
    return plist;
}

Handle create_group(const Handle& location, const std::string& path) {
    if (exists(location, path)) return open_group(location, path);
    const Handle links = links_with_groups();
    Handle group(H5Gcreate2(location.get(), path.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
    if (!group.valid()) fail(ExitCode::io, "cannot create the group {}: {}", path, last_error());
    return group;
}

std::vector<Index> shape(const Handle& dataset) {
    const Handle space(H5Dget_space(dataset.get()), H5Sclose);
    const int rank = H5Sget_simple_extent_ndims(space.get());
    std::vector<hsize_t> dims(static_cast<std::size_t>(std::max(rank, 0)));
    H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
    return {dims.begin(), dims.end()};
}

std::vector<std::string> list_datasets(const Handle& location) {
    std::vector<std::string> names;
    require(H5Ovisit2(location.get(), H5_INDEX_NAME, H5_ITER_INC, collect_dataset, &names, H5O_INFO_BASIC),
            "listing datasets");
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> list_objects(const Handle& location) {
    std::vector<std::string> names;
    // All that can be asked, so that HDF5 reads, and sees damage in, the structures that only some readers need.
    require(H5Ovisit2(location.get(), H5_INDEX_NAME, H5_ITER_INC, collect_object, &names, H5O_INFO_ALL),
            "listing groups and datasets");
    std::sort(names.begin(), names.end());
    return names;
}

Handle open_item(const Handle& location, const std::string& path) {
    Handle object(H5Oopen(location.get(), path.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object.valid()) fail(ExitCode::io, "cannot open {}: {}", path, last_error());
    return object;
}

bool is_text(const Handle& dataset) {
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    return H5Tis_variable_str(type.get()) > 0;
}

std::vector<Index> chunk_shape(const Handle& dataset) {
    const Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose);
    std::array<hsize_t, 2> chunk{0, 0};
    if (H5Pget_layout(creation.get()) == H5D_CHUNKED) H5Pget_chunk(creation.get(), 2, chunk.data());
    return {chunk.begin(), chunk.end()};
}

ElementClass element_class(const Handle& dataset) {
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    switch (H5Tget_class(type.get())) {
        case H5T_INTEGER:
            return ElementClass::integer;
        case H5T_FLOAT:
            return ElementClass::real;
        default:
            return ElementClass::other;
    }
}

bool is_half(const Handle& dataset) {
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    if (H5Tget_class(type.get()) != H5T_FLOAT || H5Tget_size(type.get()) != 2) return false;
    std::size_t sign = 0, exponent = 0, exponent_bits = 0, fraction = 0, fraction_bits = 0;
    return H5Tget_fields(type.get(), &sign, &exponent, &exponent_bits, &fraction, &fraction_bits) >= 0 &&
           exponent_bits == 5;
}

Index element_bytes(const Handle& dataset) {
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    return static_cast<Index>(H5Tget_size(type.get()));
}

Index data_offset(const Handle& dataset) {
    const haddr_t offset = H5Dget_offset(dataset.get());
    if (offset == HADDR_UNDEF) fail(ExitCode::io, "a dataset has no place in the file: {}", last_error());
    return static_cast<Index>(offset);
}

Index chunk_offset(const Handle& dataset, Index row, Index col) {
    const std::array<hsize_t, 2> entry{static_cast<hsize_t>(row), static_cast<hsize_t>(col)};
    haddr_t offset = HADDR_UNDEF;
    unsigned filters = 0;
    hsize_t bytes = 0;
    require(H5Dget_chunk_info_by_coord(dataset.get(), entry.data(), &filters, &offset, &bytes),
            "looking for a tile");
    if (offset == HADDR_UNDEF) fail(ExitCode::io, "a tile has no place in the file");
    return static_cast<Index>(offset);
}

void give_place_to_chunk(const Handle& dataset, Index row, Index col) {
    const std::array<hsize_t, 2> start{static_cast<hsize_t>(row), static_cast<hsize_t>(col)}, one{1, 1};
    const Handle file_space(H5Dget_space(dataset.get()), H5Sclose);
    require(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, one.data(), nullptr),
            "selecting an entry");
    const Handle memory_space(H5Screate(H5S_SCALAR), H5Sclose);
    const double zero = 0;
    require(
        H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, memory_space.get(), file_space.get(), H5P_DEFAULT, &zero),
        "giving a tile a place");
}

void remove(const Handle& location, const std::string& path) {
    if (exists(location, path))
        require(H5Ldelete(location.get(), path.c_str(), H5P_DEFAULT), "removing " + path);
}

}  // namespace tangram::h5
