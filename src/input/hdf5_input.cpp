// Opening a dataset of an HDF5 file as an input.

#include "hdf5_input.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

namespace tangram {

namespace {

std::string known_datasets(const h5::Handle& location) {
    const std::vector<std::string> names = h5::list_datasets(location);
    return names.empty() ? "it holds no datasets" : "it holds " + name_some(names);
}

/// Whether a link of this name is there, wherever it leads.
bool link_exists(const h5::Handle& file, const std::string& path) {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (!part.empty() && part != "/" && H5Lexists(file.get(), part.c_str(), H5P_DEFAULT) <= 0) {
            return false;
        }
        if (slash == std::string::npos) return true;
    }
}

[[noreturn]] void refuse_unopened(const FileAndName& place, const std::string& what, const h5::Handle& file) {
    const std::string reason = h5::last_error();
    if (link_exists(file, place.name)) {
        fail(ExitCode::bad_input,
             "cannot open the {} ({}:{}): {}: is it a link to a file that is gone, or is the file damaged?",
             what, place.file, printable(place.name), printable(reason));
    }
    fail(ExitCode::bad_input, "no such dataset for the {} ({}:{}): {}", what, place.file,
         printable(place.name), known_datasets(file));
}

std::string type_name(const h5::Handle& dataset) {
    const h5::Handle type(H5Dget_type(dataset.get()), H5Tclose);
    switch (H5Tget_class(type.get())) {
        case H5T_STRING:
            return "strings";
        case H5T_COMPOUND:
            return "compound values (a complex or structured array)";
        case H5T_ENUM:
            return "an enumeration (booleans, perhaps)";
        case H5T_VLEN:
            return "lists of varying length";
        case H5T_ARRAY:
            return "arrays in each entry";
        case H5T_REFERENCE:
            return "references";
        default:
            return "opaque values";
    }
}

/// A chunk cache that holds one row of chunks, so that a chunk is unpacked once when its rows are read one by
/// one.
h5::Handle access_for(const h5::Handle& dataset, std::span<const Index> shape) {
    constexpr double most_bytes = 256e6;
    constexpr std::size_t default_bytes = std::size_t{1} << 20U;
    h5::Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
    const h5::Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose);
    if (H5Pget_layout(creation.get()) != H5D_CHUNKED) return access;
    std::vector<hsize_t> chunk(shape.size());
    H5Pget_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
    double bytes = static_cast<double>(h5::element_bytes(dataset)) * static_cast<double>(chunk[0]);
    for (std::size_t axis = 1; axis < chunk.size(); ++axis) {
        const double chunks = std::ceil(static_cast<double>(shape[axis]) / static_cast<double>(chunk[axis]));
        bytes *= chunks * static_cast<double>(chunk[axis]);
    }
    if (bytes <= most_bytes) {
        const std::size_t cache = std::max(default_bytes, static_cast<std::size_t>(bytes));
        H5Pset_chunk_cache(access.get(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, cache, H5D_CHUNK_CACHE_W0_DEFAULT);
    }
    return access;
}

/// NumPy's booleans, as h5py stores them: an enumeration of FALSE = 0 and TRUE = 1.
bool is_boolean(const h5::Handle& dataset) {
    const h5::Handle type(H5Dget_type(dataset.get()), H5Tclose);
    if (H5Tget_class(type.get()) != H5T_ENUM || H5Tget_nmembers(type.get()) != 2 ||
        H5Tget_size(type.get()) != 1)
        return false;
    char no = 0, yes = 0;
    return H5Tenum_valueof(type.get(), "FALSE", &no) >= 0 && H5Tenum_valueof(type.get(), "TRUE", &yes) >= 0 &&
           no == 0 && yes == 1;
}

/// The datasets of numbers with one dimension or more, but for what MATLAB keeps for itself under '#'.
std::vector<std::string> candidates(const h5::Handle& file) {
    std::vector<std::string> names = h5::list_datasets(file);
    std::erase_if(names, [&](const std::string& name) {
        if (name.starts_with('#')) return true;
        const h5::Handle dataset = h5::open_dataset(file, name);
        const bool is_number = h5::element_class(dataset) != h5::ElementClass::other || is_boolean(dataset);
        return !is_number || h5::shape(dataset).empty();
    });
    return names;
}

/// The name that was left out, where only one can be meant.
void choose_dataset(InputDataset& input, const std::string& what) {
    const std::vector<std::string> names = candidates(input.file);
    if (names.size() != 1) {
        fail(ExitCode::bad_input,
             "the file of the {} is named without a dataset ({}): write FILE:DATASET; {}", what,
             input.location.file, known_datasets(input.file));
    }
    input.location.name = names.front();
    input.is_chosen = true;
}

void check_elements(const InputDataset& input, const h5::Handle& dataset, const std::string& what) {
    if (h5::element_class(dataset) == h5::ElementClass::other && input.kind != ElementKind::boolean) {
        fail(ExitCode::bad_input, "the {} are {} ({}): store integers or floating-point numbers", what,
             type_name(dataset), describe(input));
    }
}

/// A text takes a byte or more of its file, and gzip packs no better than 1032 to 1: more are not believed.
void refuse_implausible(const FileAndName& place, const h5::Handle& dataset, std::span<const Index> shape) {
    const h5::Handle file(H5Iget_file_id(dataset.get()), H5Fclose);
    hsize_t file_bytes = 0;
    H5Fget_filesize(file.get(), &file_bytes);
    double bytes = static_cast<double>(h5::element_bytes(dataset));
    for (const Index extent : shape) bytes *= static_cast<double>(extent);
    if (bytes <= 1100.0 * static_cast<double>(file_bytes)) return;
    fail(ExitCode::bad_input, "more texts than their file can hold ({}:{}, {}): is the file damaged?",
         place.file, printable(place.name), shape_text(shape));
}

h5::Handle open_hdf5_file(const std::string& path, const std::string& what) {
    h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (file.valid()) return file;
    fail(ExitCode::bad_input, "cannot open the {} as HDF5 ({}): {}: is it an HDF5 file, and whole?", what,
         path, printable(h5::last_error()));
}

}  // namespace

void open_hdf5_input(InputDataset& input, const std::string& what) {
    FileAndName& place = input.location;
    input.file = open_hdf5_file(place.file, what);
    if (place.name.empty()) choose_dataset(input, what);
    h5::Handle object(H5Oopen(input.file.get(), place.name.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object.valid()) refuse_unopened(place, what, input.file);
    if (H5Iget_type(object.get()) != H5I_DATASET) {
        fail(ExitCode::bad_input, "this is no dataset ({}:{}): name one for the {}; {}", place.file,
             printable(place.name), what,
             H5Iget_type(object.get()) == H5I_GROUP ? known_datasets(object) : known_datasets(input.file));
    }
    input.shape = h5::shape(object);
    input.integers = h5::element_class(object) == h5::ElementClass::integer;
    input.kind = is_boolean(object) ? ElementKind::boolean
                 : input.integers   ? ElementKind::integer
                                    : ElementKind::real;
    check_elements(input, object, what);
    input.element_bytes = h5::element_bytes(object);
    input.is_half = h5::is_half(object);
    input.has_matlab_class = h5::has_attribute(object, "MATLAB_class");
    const h5::Handle access = access_for(object, input.shape);
    object = {};  // closed first: a dataset that is open already keeps the chunk cache that it has
    input.dataset = h5::Handle(H5Dopen2(input.file.get(), place.name.c_str(), access.get()), H5Dclose);
    if (!input.dataset.valid()) refuse_unopened(place, what, input.file);
}

bool is_list(std::span<const Index> shape) {
    return !shape.empty() && std::count(shape.begin(), shape.end(), 1) + 1 >= std::ssize(shape);
}

std::vector<std::string> read_hdf5_texts(const FileAndName& place) {
    const h5::Handle file(H5Fopen(place.file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!file.valid() || place.name.empty() || !h5::exists(file, place.name)) return {};
    const h5::Handle dataset(H5Dopen2(file.get(), place.name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.valid()) return {};
    const h5::Handle type(H5Dget_type(dataset.get()), H5Tclose);
    const std::vector<Index> shape = h5::shape(dataset);
    if (H5Tget_class(type.get()) != H5T_STRING || !is_list(shape)) return {};
    refuse_implausible(place, dataset, shape);
    std::vector<std::string> texts(
        at(std::accumulate(shape.begin(), shape.end(), Index{1}, std::multiplies<>())));
    if (H5Tis_variable_str(type.get()) > 0) {
        const h5::Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(memory.get(), H5T_VARIABLE);
        H5Tset_cset(memory.get(), H5Tget_cset(type.get()));
        const h5::Handle space(H5Dget_space(dataset.get()), H5Sclose);
        std::vector<char*> values(texts.size(), nullptr);
        h5::require(H5Dread(dataset.get(), memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
                    "reading texts");
        for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = values[i] == nullptr ? "" : values[i];
        H5Dvlen_reclaim(memory.get(), space.get(), H5P_DEFAULT, values.data());
        return texts;
    }
    const std::size_t length = H5Tget_size(type.get());
    std::vector<char> bytes(texts.size() * length);
    h5::require(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
                "reading texts");
    for (std::size_t i = 0; i < texts.size(); ++i)
        texts[i].assign(bytes.data() + i * length, strnlen(bytes.data() + i * length, length));
    return texts;
}

}  // namespace tangram
