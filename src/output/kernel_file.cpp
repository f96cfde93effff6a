#include "tangram/output/kernel_file.hpp"

#include "tangram/output/contents_checksum.hpp"
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

constexpr const char* get_another = "restore the file from a copy, or compute it again";

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
    if (!h5::has_attribute(root, "format") || h5::read_text_attribute(root, "format") != "tangram") {
        fail(ExitCode::bad_input,
             "not a kernel file of tangram ({}): name the --output of a 'tangram kernel' run", path);
    }
    const Index version = h5::read_integer_attribute(root, "format_version");
    if (version != format_version) {
        fail(ExitCode::bad_input,
             "the kernel file has format version {}, this program knows {} ({}): use the tangram that wrote "
             "it",
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

/// The matrix in dataset `path`, by the attributes that say what it is of.
KernelMatrix describe_matrix(const h5::Handle& file, MatrixKind kind, const std::string& path,
                             std::string name, Index rows_per_sample) {
    KernelMatrix matrix{kind, 0, rows_per_sample, path, std::move(name)};
    if (kind == MatrixKind::ntk) return matrix;
    const h5::Handle dataset = h5::open_dataset(file, path);
    matrix.layer = h5::read_integer_attribute(dataset, "layer") - 1;
    if (kind == MatrixKind::weight_component && h5::has_attribute(dataset, "bias_scale"))
        matrix.kind = MatrixKind::bias_component;
    return matrix;
}

std::vector<KernelMatrix> read_matrices(const h5::Handle& file, const std::string& path, Index kernel_rows) {
    std::vector<KernelMatrix> matrices;
    const auto add_all = [&](const std::string& group, MatrixKind kind, Index rows) {
        if (!h5::exists(file, group)) return;
        std::vector<std::string> names;
        reading(path, group, [&] { names = h5::list_datasets(h5::open_group(file, group)); });
        for (const std::string& name : names) {
            const std::string dataset =
                group + "/" + name;  // NOLINT(performance-inefficient-string-concatenation): once a matrix
            reading(path, dataset,
                    [&] { matrices.push_back(describe_matrix(file, kind, dataset, name, rows)); });
        }
    };
    add_all("/conjugate_kernels", MatrixKind::conjugate_kernel, 1);
    add_all("/components", MatrixKind::weight_component, kernel_rows);
    // As kernel_matrices() has them.
    const auto order = [](const KernelMatrix& m) {
        return std::tuple(m.layer, m.kind != MatrixKind::conjugate_kernel, m.kind, m.path);
    };
    std::sort(matrices.begin(), matrices.end(),
              [&](const KernelMatrix& a, const KernelMatrix& b) { return order(a) < order(b); });
    matrices.push_back({MatrixKind::ntk, 0, kernel_rows, "/ntk", "ntk"});
    return matrices;
}

/// Throws unless the dataset is stored in tiles of `shape`, in its precision.
void require_tiles(const h5::Handle& file, const std::string& path, const KernelShape& shape,
                   const KernelMatrix& matrix) {
    require_shape(file, path, matrix.path, {shape.rows(matrix), shape.rows(matrix)});
    reading(path, matrix.path, [&] {
        const h5::Handle dataset = h5::open_dataset(file, matrix.path);
        const Index side = shape.tile_rows(matrix);
        const bool fits = h5::chunk_shape(dataset) == std::vector<Index>{side, side} &&
                          h5::element_class(dataset) == h5::ElementClass::real &&
                          h5::element_bytes(dataset) == value_bytes(shape.precision);
        if (fits) return;
        fail(ExitCode::bad_input, "a matrix is not stored in tiles of {} x {} values in {} ({}:{}): {}", side,
             side, to_string(shape.precision), path, matrix.path, get_another);
    });
    const Index tiles = shape.panels.count();
    require_shape(file, path, "/checksums" + matrix.path, {tiles, tiles});
}

/// Files of before there was a choice are of samples.
Space space_of(const h5::Handle& root, const std::string& path) {
    if (!h5::has_attribute(root, "space")) return Space::samples;
    const std::string space = h5::read_text_attribute(root, "space");
    for (const Space known : {Space::samples, Space::parameters}) {
        if (space == to_string(known)) return known;
    }
    fail(ExitCode::bad_input,
         "the kernel file is of the space '{}', which this program does not know ({}): {}", space, path,
         get_another);
}

/// All but the matrices of samples.
KernelShape read_sizes(const h5::Handle& root, const std::string& path) {
    KernelShape shape;
    const std::string precision = h5::read_text_attribute(root, "precision");
    shape.samples = h5::read_integer_attribute(root, "n_samples");
    const bool of_parameters = space_of(root, path) == Space::parameters;
    shape.panels = {of_parameters ? h5::read_integer_attribute(root, "n_parameters") : shape.samples,
                    h5::read_integer_attribute(root, "tile")};
    if (of_parameters) shape.matrices = {parameter_gram_matrix()};
    shape.outputs = h5::read_integer_attribute(root, "n_outputs");
    const bool sensible = (precision == "float32" || precision == "float64") && shape.panels.samples > 0 &&
                          shape.panels.samples <= most_samples && shape.samples > 0 &&
                          shape.samples <= most_samples && shape.panels.panel_size > 0 &&
                          std::min(shape.panels.panel_size, shape.panels.samples) <= largest_tile_rows &&
                          shape.outputs > 0 && shape.outputs <= most_outputs;
    if (!sensible) {
        fail(ExitCode::bad_input,
             "the kernel file says that it holds {} samples, {} rows a component in tiles of {}, {} outputs, "
             "{} "
             "({}): {}",
             shape.samples, shape.panels.samples, shape.panels.panel_size, shape.outputs, precision, path,
             get_another);
    }
    shape.precision = parse_precision(precision);
    return shape;
}

/// Throws unless all that the shape speaks of is there.
void require_datasets(const h5::Handle& file, const std::string& path, const KernelShape& shape) {
    for (const KernelMatrix& matrix : shape.matrices) require_tiles(file, path, shape, matrix);
    require_shape(file, path, "/outputs", {shape.samples, shape.outputs});
    require_shape(file, path, "/samples", {shape.samples});
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
    reading(path, "/", [&] {
        const h5::Handle root = h5::open_group(file, "/");
        require_format(root, path);
        refuse_partial(root, path);
        kernel.checks = read_checks(file);
        require_finished(root, path, kernel.checks, failed_checks);
        kernel.shape = read_sizes(root, path);
        kernel.software_version = h5::read_text_attribute(root, "software_version");
        kernel.date = h5::read_text_attribute(root, "date");
        kernel.reduction = h5::read_text_attribute(root, "reduction");
        kernel.parameterization = h5::read_text_attribute(root, "parameterization");
        kernel.logit = h5::read_integer_attribute(root, "logit");
    });
    if (kernel.shape.matrices.empty())
        kernel.shape.matrices =
            read_matrices(file, path, kernel.reduction == "full" ? kernel.shape.outputs : 1);
    require_datasets(file, path, kernel.shape);
    reading(path, "/checksums", [&] {
        const h5::Handle group = h5::open_group(file, "/checksums");
        if (h5::has_attribute(group, contents_attribute))
            kernel.contents = h5::read_unsigned_attribute(group, contents_attribute);
    });
    return kernel;
}

void require_of_samples(const KernelFile& kernel) {
    if (kernel.shape.space() == Space::samples) return;
    fail(ExitCode::bad_input,
         "this file holds J^T J of parameters, no kernel of samples ({}:/parameter_gram): compute one with "
         "--space samples",
         kernel.path);
}

}  // namespace tangram
