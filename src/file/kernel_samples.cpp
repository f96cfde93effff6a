#include "tangram/file/kernel_samples.hpp"

#include "tangram/file/format.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// `prefix`: "/" or "/test_".
KernelSamples read_set(const KernelFile& kernel, const std::string& prefix, Index count) {
    const h5::Handle file = open_kernel_file(kernel.path);
    KernelSamples samples;
    samples.rows = h5::read_integers(h5::open_dataset(file, prefix + "samples"));
    if (h5::exists(file, prefix + "sample_hashes"))
        samples.hashes = h5::read_unsigned(h5::open_dataset(file, prefix + "sample_hashes"));
    const bool fits = static_cast<Index>(samples.rows.size()) == count &&
                      (samples.hashes.empty() || static_cast<Index>(samples.hashes.size()) == count);
    if (!fits)
        fail(ExitCode::bad_input, "{} samples for {} ({}:{}samples): {}", samples.rows.size(), count,
             kernel.path, prefix, get_another);
    if (kernel.gradients_are_given) return samples;
    samples.outputs = Matrix<double>(count, kernel.outputs);
    h5::read_rows(h5::open_dataset(file, prefix + "outputs"), 0, samples.outputs.view());
    return samples;
}

}  // namespace

KernelSamples read_kernel_samples(const KernelFile& kernel) {
    return read_set(kernel, "/", kernel.samples);
}

KernelSamples read_test_samples(const KernelFile& kernel) {
    return read_set(kernel, "/test_", kernel.test_samples);
}

std::optional<Matrix<double>> read_component_diagonal(const KernelFile& kernel,
                                                      const StoredMatrix& component) {
    const std::string path =
        "/component_diagonals" + component.path.substr(std::string("/components").size());
    const h5::Handle file = open_kernel_file(kernel.path);
    if (!h5::exists(file, path)) return std::nullopt;
    const std::vector<double> values = h5::read_doubles(h5::open_dataset(file, path));
    const Index entries = component.rows_each * component.rows_each;
    if (static_cast<Index>(values.size()) != kernel.test_samples * entries)
        fail(ExitCode::bad_input, "a dataset has a shape that does not fit the others ({}:{}): {}",
             kernel.path, path, get_another);
    Matrix<double> diagonal(kernel.test_samples, entries);
    std::copy_n(values.data(), values.size(), diagonal.data());
    return diagonal;
}

std::string read_kernel_identity(const KernelFile& kernel) {
    const h5::Handle file = open_kernel_file(kernel.path);
    const h5::Handle group = h5::open_group(file, "/provenance");
    return h5::has_attribute(group, "identity") ? h5::read_text_attribute(group, "identity") : "";
}

std::string read_root_text(const KernelFile& kernel, const std::string& name, const std::string& otherwise) {
    const h5::Handle file = open_kernel_file(kernel.path);
    const h5::Handle root = h5::open_group(file, "/");
    return h5::has_attribute(root, name) ? h5::read_text_attribute(root, name) : otherwise;
}

Index read_root_integer(const KernelFile& kernel, const std::string& name, Index otherwise) {
    const h5::Handle file = open_kernel_file(kernel.path);
    const h5::Handle root = h5::open_group(file, "/");
    return h5::has_attribute(root, name) ? h5::read_integer_attribute(root, name) : otherwise;
}

}  // namespace tangram
