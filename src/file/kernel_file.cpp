#include "tangram/file/kernel_file.hpp"

#include "tangram/file/contents_checksum.hpp"
#include "tangram/file/format.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/file_descriptor.hpp"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <tuple>

namespace tangram {

namespace {

/// Larger numbers can only be damage.
constexpr Index most_samples = Index{1} << 32;
constexpr Index most_outputs = Index{1} << 31;

/// Runs `work`; what HDF5 has to say of it gets the names of file and object.
void reading(const std::string& path, const std::string& object, const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        if (error.code() != ExitCode::io) throw;
        fail(ExitCode::io, "cannot read the kernel file ({}:{}): {}: {}", path, object, error.what(),
             get_another);
    }
}

/// Throws unless the dataset is there and has this shape.
void require_shape(const h5::Handle& file, const std::string& path, const std::string& name,
                   const std::vector<Index>& wanted) {
    if (!h5::exists(file, name)) {
        fail(ExitCode::bad_input, "a dataset is missing in the kernel file ({}:{}): {}", path, name,
             get_another);
    }
    reading(path, name, [&] {
        const std::vector<Index> found = h5::shape(h5::open_dataset(file, name));
        if (found == wanted) return;
        fail(ExitCode::bad_input, "a dataset has a shape that does not fit the others ({}:{}, {} for {}): {}",
             path, name, fmt::join(found, " x "), fmt::join(wanted, " x "), get_another);
    });
}

void require_format(const h5::Handle& root, const std::string& path) {
    if (!h5::has_attribute(root, "format") || h5::read_text_attribute(root, "format") != format_name) {
        fail(ExitCode::bad_input,
             "not a kernel file of tangram ({}): name the --output of a 'tangram kernel' run", path);
    }
    const Index version = h5::read_integer_attribute(root, "format_version");
    if (version != format_version) {
        fail(
            ExitCode::bad_input,
            "the kernel file has format version {}, this program knows {} ({}): use the tangram that wrote it",
            version, format_version, path);
    }
}

void require_finished(const h5::Handle& root, const std::string& path, const RecordedChecks& checks,
                      FailedChecks failed_checks) {
    const std::string status = h5::read_text_attribute(root, "status");
    const bool failed = status == "check failed";
    if (!failed && status != "complete") {
        fail(ExitCode::bad_input, "the status of the kernel file is '{}' ({}): {}", status, path,
             get_another);
    }
    if (failed_checks == FailedChecks::refuse && failed) {
        fail(ExitCode::check_failed,
             "the checks of this kernel failed ({}): {}: do not use it before the cause is found", path,
             checks.first_failure);
    }
}

/// Before anything else is looked for, which an unfinished file does not have yet.
void refuse_partial(const h5::Handle& root, const std::string& path) {
    if (h5::read_text_attribute(root, "status") != "partial") return;
    fail(ExitCode::bad_input,
         "the run that writes this kernel file did not finish ({}): continue it with --resume first", path);
}

RecordedChecks read_checks(const h5::Handle& file) {
    const h5::Handle group = h5::open_group(file, "/checks");
    return {h5::read_integer_attribute(group, "passed"), h5::read_real_attribute(group, "tolerance"),
            h5::read_text_attribute(group, "first_failure")};
}

/// A matrix of the file, and what decides its place in the list.
struct FoundMatrix {
    Index layer = 0;
    bool is_bias = false;
    StoredMatrix matrix;
};

/// What the matrix is of, where its dataset has another name.
std::string true_name(const h5::Handle& dataset, const std::string& dataset_name) {
    for (const char* attribute : {"tensor", "layer_name"}) {
        if (h5::has_attribute(dataset, attribute)) return h5::read_text_attribute(dataset, attribute);
    }
    return dataset_name;
}

/// The matrices of one group, with the attributes that say in which order they were made.
void find_matrices(const h5::Handle& file, const std::string& path, const std::string& group, Role role,
                   Index rows_each, std::vector<FoundMatrix>& found) {
    if (!h5::exists(file, group)) return;
    std::vector<std::string> names;
    reading(path, group, [&] { names = h5::list_datasets(h5::open_group(file, group)); });
    for (const std::string& name : names) {
        std::string dataset_path = group;
        dataset_path.append("/").append(name);
        reading(path, dataset_path, [&] {
            const h5::Handle dataset = h5::open_dataset(file, dataset_path);
            found.push_back({h5::read_integer_attribute(dataset, "layer"),
                             h5::has_attribute(dataset, "bias_scale"),
                             {role, dataset_path, true_name(dataset, name), rows_each}});
        });
    }
}

/// As the product of samples has them (product/matrices.hpp).
std::vector<StoredMatrix> read_matrices(const h5::Handle& file, const std::string& path, Index kernel_rows) {
    std::vector<FoundMatrix> found;
    find_matrices(file, path, "/conjugate_kernels", Role::other, 1, found);
    find_matrices(file, path, "/components", Role::component, kernel_rows, found);
    const auto order = [](const FoundMatrix& m) {
        return std::tuple(m.layer, m.matrix.role != Role::other, m.is_bias, m.matrix.path);
    };
    std::sort(found.begin(), found.end(),
              [&](const FoundMatrix& a, const FoundMatrix& b) { return order(a) < order(b); });
    std::vector<StoredMatrix> matrices;
    for (FoundMatrix& one : found) {
        matrices.push_back(std::move(one.matrix));
    }
    matrices.push_back({Role::total, "/ntk", "ntk", kernel_rows});
    return matrices;
}

/// Throws unless the dataset is stored in tiles of `shape`, in its precision.
void require_tiles(const h5::Handle& file, const std::string& path, const Shape& shape,
                   const StoredMatrix& matrix) {
    require_shape(file, path, matrix.path, {shape.rows(matrix), shape.columns(matrix)});
    reading(path, matrix.path, [&] {
        const h5::Handle dataset = h5::open_dataset(file, matrix.path);
        const std::vector<Index> tile{shape.tile_rows(matrix), shape.tile_columns(matrix)};
        const bool fits = h5::chunk_shape(dataset) == tile &&
                          h5::element_class(dataset) == h5::ElementClass::real &&
                          h5::element_bytes(dataset) == value_bytes(shape.precision);
        if (fits) return;
        fail(ExitCode::bad_input, "a matrix is not stored in tiles of {} x {} values in {} ({}:{}): {}",
             tile[0], tile[1], to_string(shape.precision), path, matrix.path, get_another);
    });
    require_shape(file, path, "/checksums" + matrix.path,
                  {shape.axes.row.panels(), shape.axes.column.panels()});
}

/// What a file of each product says of its axes and matrices.
struct KindOfFile {
    const char* product;
    Axes (*axes)(const h5::Handle& root, const KernelFile& kernel);
    bool has_test_samples;
    const char* only_matrix;  ///< its path without the slash; "": the kernel, components, conjugate kernels
};

const KindOfFile kinds_of_files[] = {
    {"samples",
     [](const h5::Handle& root, const KernelFile& kernel) {
         return Axes::square({kernel.samples, h5::read_integer_attribute(root, "tile"), Unit::sample});
     },
     false, ""},
    {"test x train",
     [](const h5::Handle& root, const KernelFile& kernel) -> Axes {
         return {{kernel.test_samples, h5::read_integer_attribute(root, "tile_rows"), Unit::test_sample},
                 {kernel.samples, h5::read_integer_attribute(root, "tile"), Unit::sample},
                 false};
     },
     true, ""},
    {"params",
     [](const h5::Handle& root, const KernelFile&) {
         return Axes::square({h5::read_integer_attribute(root, "n_parameters"),
                              h5::read_integer_attribute(root, "tile"), Unit::parameter});
     },
     false, "parameter_gram"},
};

/// Files of before there was a choice are of samples.
const KindOfFile& read_product(const h5::Handle& root, const std::string& path) {
    const auto text_or = [&](const char* name, const std::string& otherwise) {
        return h5::has_attribute(root, name) ? h5::read_text_attribute(root, name) : otherwise;
    };
    const std::string product = text_or("product", text_or("space", "samples"));
    for (const KindOfFile& known : kinds_of_files) {
        if (product == known.product) return known;
    }
    fail(ExitCode::bad_input,
         "the kernel file is of the space or product '{}', which this program does not know ({}): {}",
         product, path, get_another);
}

bool is_sensible(const Axis& axis) {
    return axis.extent > 0 && axis.extent <= most_samples && axis.panel_size > 0 &&
           axis.whole() <= largest_panel_rows;
}

/// All sizes; not the matrices.
void read_sizes(const h5::Handle& root, const KindOfFile& product, KernelFile& kernel) {
    const std::string precision = h5::read_text_attribute(root, "precision");
    kernel.product = product.product;
    kernel.samples = h5::read_integer_attribute(root, "n_samples");
    if (product.has_test_samples) kernel.test_samples = h5::read_integer_attribute(root, "n_test_samples");
    kernel.outputs = h5::read_integer_attribute(root, "n_outputs");
    const Axes axes = product.axes(root, kernel);
    const bool sensible = (precision == "float32" || precision == "float64") && is_sensible(axes.row) &&
                          is_sensible(axes.column) && kernel.samples > 0 && kernel.samples <= most_samples &&
                          kernel.outputs > 0 && kernel.outputs <= most_outputs;
    if (!sensible) {
        fail(
            ExitCode::bad_input,
            "the kernel file says that it holds {} samples, {} x {} rows and columns in tiles of {} x {}, {} outputs, {} ({}): {}",
            kernel.samples, axes.row.extent, axes.column.extent, axes.row.panel_size, axes.column.panel_size,
            kernel.outputs, precision, kernel.path, get_another);
    }
    kernel.shape.axes = axes;
    kernel.shape.precision = parse_precision(precision);
}

/// Throws unless all that the shape speaks of is there.
void require_datasets(const h5::Handle& file, const KernelFile& kernel) {
    for (const StoredMatrix& matrix : kernel.shape.matrices)
        require_tiles(file, kernel.path, kernel.shape, matrix);
    for (const StoredArray& array : kernel.shape.arrays)
        require_shape(file, kernel.path, array.path, {array.rows, array.columns});
    require_shape(file, kernel.path, "/samples", {kernel.samples});
    if (kernel.test_samples > 0) require_shape(file, kernel.path, "/test_samples", {kernel.test_samples});
}

/// Which rows of J; only files of other rows than all outputs, or one, say more than the reduction's name.
void read_rows(const h5::Handle& root, const std::string& path, KernelFile& kernel) {
    kernel.of_plain_outputs = !h5::has_attribute(root, "rows_of_sample");
    if (kernel.of_plain_outputs) {
        const bool is_one = kernel.reduction == "sum" || kernel.logit >= 0;
        kernel.rows_of_sample = is_one ? 1 : kernel.outputs;
        kernel.reduction_text =
            fmt::format("{}{} of {} outputs", kernel.reduction,
                        kernel.logit < 0 ? "" : fmt::format(" {}", kernel.logit), kernel.outputs);
        return;
    }
    kernel.rows_of_sample = h5::read_integer_attribute(root, "rows_of_sample");
    kernel.reduction_text = h5::read_text_attribute(root, "reduction_text");
    if (kernel.rows_of_sample < 1) {
        fail(ExitCode::bad_input, "the file says that it has {} rows a sample ({}): {}",
             kernel.rows_of_sample, path, get_another);
    }
}

}  // namespace

h5::Handle open_kernel_file(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        fail(ExitCode::io, "this is a directory, not a kernel file ({}): name a file in it", path);
    if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored))
        fail(ExitCode::io, "this is no regular file ({}): copy what it gives to a file first", path);
    open_file(path, O_RDONLY);
    if (std::filesystem::file_size(path, ignored) == 0)
        fail(ExitCode::io, "the kernel file is empty ({}): {}", path, get_another);
    if (H5Fis_hdf5(path.c_str()) <= 0) {
        fail(ExitCode::bad_input, "not an HDF5 file ({}): name the --output of a 'tangram kernel' run", path);
    }
    h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!file.valid()) {
        fail(ExitCode::io, "cannot open as HDF5 ({}): {}: is it whole? {}", path, h5::last_error(),
             get_another);
    }
    return file;
}

KernelFile read_kernel_file(const std::string& path, FailedChecks failed_checks) {
    const h5::Handle file = open_kernel_file(path);
    KernelFile kernel;
    kernel.path = path;
    std::string only_matrix;
    reading(path, "/", [&] {
        const h5::Handle root = h5::open_group(file, "/");
        require_format(root, path);
        refuse_partial(root, path);
        kernel.checks = read_checks(file);
        require_finished(root, path, kernel.checks, failed_checks);
        if (h5::has_attribute(root, "n_models")) {
            fail(
                ExitCode::bad_input,
                "this file holds no kernel, only how those of several models differ ({}:/drift): compute one with 'tangram kernel'",
                path);
        }
        if (h5::has_attribute(root, "store") && h5::read_text_attribute(root, "store") == "none") {
            fail(
                ExitCode::bad_input,
                "this file holds no matrix, only what was measured of it ({}:/measures): compute one without --store none",
                path);
        }
        kernel.shape.lower =
            h5::has_attribute(root, "store") && h5::read_text_attribute(root, "store") == "lower";
        const KindOfFile& product = read_product(root, path);
        read_sizes(root, product, kernel);
        only_matrix = product.only_matrix;
        kernel.software_version = h5::read_text_attribute(root, "software_version");
        kernel.date = h5::read_text_attribute(root, "date");
        kernel.reduction = h5::read_text_attribute(root, "reduction");
        kernel.parameterization = h5::read_text_attribute(root, "parameterization");
        kernel.logit = h5::read_integer_attribute(root, "logit");
        kernel.gradients_are_given = h5::has_attribute(root, "gradients");
        read_rows(root, path, kernel);
    });
    if (only_matrix.empty()) {
        kernel.shape.matrices =
            read_matrices(file, path, kernel.reduction == "full" ? kernel.rows_of_sample : 1);
    } else {
        kernel.shape.matrices.push_back({Role::total, "/" + only_matrix, only_matrix});
    }
    if (!kernel.gradients_are_given)
        kernel.shape.arrays.push_back({"/outputs", kernel.samples, kernel.outputs});
    if (kernel.test_samples > 0 && !kernel.gradients_are_given)
        kernel.shape.arrays.push_back({"/test_outputs", kernel.test_samples, kernel.outputs});
    require_datasets(file, kernel);
    reading(path, "/checksums", [&] {
        const h5::Handle group = h5::open_group(file, "/checksums");
        if (h5::has_attribute(group, contents_attribute))
            kernel.contents = h5::read_unsigned_attribute(group, contents_attribute);
    });
    return kernel;
}

}  // namespace tangram
