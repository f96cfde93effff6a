#include "tangram/model/input_dataset.hpp"

#include "tangram/model/text.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
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

}  // namespace

InputDataset open_input(const std::string& location, const std::string& what) {
    InputDataset input;
    input.location = split_location(location);
    const FileAndName& place = input.location;
    require_readable_file(place.file);
    input.file = h5::Handle(H5Fopen(place.file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!input.file.valid()) {
        fail(ExitCode::bad_input, "cannot open the {} as HDF5 ({}): {}: is it an HDF5 file, and whole?", what,
             place.file, printable(h5::last_error()));
    }
    if (place.name.empty()) {
        fail(ExitCode::bad_input,
             "the file of the {} is named without a dataset ({}): write FILE:DATASET; {}", what, place.file,
             known_datasets(input.file));
    }
    h5::Handle object(H5Oopen(input.file.get(), place.name.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object.valid()) refuse_unopened(place, what, input.file);
    if (H5Iget_type(object.get()) != H5I_DATASET) {
        fail(ExitCode::bad_input, "this is no dataset ({}:{}): name one for the {}; {}", place.file,
             printable(place.name), what,
             H5Iget_type(object.get()) == H5I_GROUP ? known_datasets(object) : known_datasets(input.file));
    }
    input.shape = h5::shape(object);
    const h5::ElementClass elements = h5::element_class(object);
    if (elements == h5::ElementClass::other) {
        fail(ExitCode::bad_input, "the {} are {} ({}): store integers or floating-point numbers", what,
             type_name(object), describe(input));
    }
    if (input.shape.empty()) {
        fail(ExitCode::bad_input, "the {} are a single value or nothing ({}): store one row a sample", what,
             describe(input));
    }
    input.integers = elements == h5::ElementClass::integer;
    const h5::Handle access = access_for(object, input.shape);
    object = {};  // closed first: a dataset that is open already keeps the chunk cache that it has
    input.dataset = h5::Handle(H5Dopen2(input.file.get(), place.name.c_str(), access.get()), H5Dclose);
    if (!input.dataset.valid()) refuse_unopened(place, what, input.file);
    return input;
}

std::string describe(const InputDataset& input) {
    return fmt::format("{}:{}, {}", input.location.file, printable(input.location.name),
                       shape_text(input.shape));
}

Index flattened_width(const InputDataset& input) {
    Index width = 1;
    for (std::size_t axis = 1; axis < input.shape.size(); ++axis) {
        if (__builtin_mul_overflow(width, input.shape[axis], &width)) {
            fail(ExitCode::bad_input, "rows too wide to count ({}): check the dataset", describe(input));
        }
    }
    return width;
}

void read_input_rows(const InputDataset& input, std::span<const std::int64_t> rows, MatrixView<double> out) {
    assert(static_cast<Index>(rows.size()) == out.rows && out.ld == out.cols &&
           out.cols == flattened_width(input));
    std::vector<std::size_t> position(rows.size());
    std::iota(position.begin(), position.end(), std::size_t{0});
    std::stable_sort(position.begin(), position.end(),
                     [&](std::size_t a, std::size_t b) { return rows[a] < rows[b]; });

    for (std::size_t i = 0; i < position.size();) {
        // A run: rows that follow each other in the file and in `out`.
        const std::size_t first = position[i];
        std::size_t run = 1;
        while (i + run < position.size() && position[i + run] == first + run &&
               rows[first + run] == rows[first] + static_cast<std::int64_t>(run)) {
            ++run;
        }
        try {
            h5::read_rows(input.dataset, rows[first],
                          out.row_block(static_cast<Index>(first), static_cast<Index>(run)));
        } catch (const Error& error) {
            fail(ExitCode::bad_input, "cannot read rows {} to {} ({}): {}: is the file whole?", rows[first],
                 rows[first + run - 1], describe(input), printable(error.what()));
        }
        i += run;
    }
}

void require_finite(const InputDataset& input, std::span<const std::int64_t> rows,
                    ConstMatrixView<double> block) {
    for (Index i = 0; i < block.rows; ++i) {
        for (Index j = 0; j < block.cols; ++j) {
            if (std::isfinite(block(i, j))) continue;
            const bool overflowed = std::isinf(block(i, j)) && h5::is_half(input.dataset);
            fail(ExitCode::bad_input, "row {}, column {} holds {} ({}): {}",
                 rows[static_cast<std::size_t>(i)], j, block(i, j), describe(input),
                 overflowed ? half_overflow : "remove it, or choose other rows");
        }
    }
}

}  // namespace tangram
