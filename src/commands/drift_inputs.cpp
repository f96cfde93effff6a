#include "drift_inputs.hpp"

#include "tangram/input/samples.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace tangram {

namespace {

StoredKernel open_stored(const std::string& path) {
    KernelFile kernel = read_kernel_file(path, FailedChecks::refuse);
    if (kernel.product != "samples") {
        fail(ExitCode::bad_input,
             "a kernel of {} changes in other ways ({}): give kernels of samples among themselves",
             kernel.product, printable(path));
    }
    KernelSamples samples = read_kernel_samples(kernel);
    const Index parameters = read_root_integer(kernel, "n_parameters", 0);
    TileFile tiles(path, kernel.shape, TileFile::Access::read);
    return {std::move(kernel), std::move(samples), std::move(tiles), parameters};
}

void require_comparable(const StoredKernel& first, const StoredKernel& other) {
    const auto refuse = [&](const std::string& what) {
        fail(ExitCode::bad_input, "{} and {} are kernels of {}: compute them alike",
             printable(first.kernel.path), printable(other.kernel.path), what);
    };
    if (first.samples.hashes != other.samples.hashes || first.samples.hashes.empty())
        refuse("other samples, or of the same ones in another order");
    if (first.kernel.reduction_text != other.kernel.reduction_text ||
        first.kernel.reduction != other.kernel.reduction || first.kernel.logit != other.kernel.logit)
        refuse(fmt::format("other rows of J ({}, {})", first.kernel.reduction_text,
                           other.kernel.reduction_text));
}

bool are_equal(const Matrix<double>& a, const Matrix<double>& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() &&
           std::equal(a.data(), a.data() + a.size(), b.data());
}

bool have_same_targets(const InputSet& a, const InputSet& b) {
    if (a.labels.has_value() != b.labels.has_value() || a.targets.has_value() != b.targets.has_value())
        return false;
    return (!a.labels || a.labels->values == b.labels->values) &&
           (!a.targets || are_equal(*a.targets, *b.targets));
}

std::optional<std::size_t> component_named(const KernelFile& kernel, const std::string& name) {
    for (std::size_t m = 0; m < kernel.shape.matrices.size(); ++m) {
        if (kernel.shape.matrices[m].is_component() && kernel.shape.matrices[m].name == name) return m;
    }
    return std::nullopt;
}

/// The totals, and the components where all files have the same ones.
void choose_kernels(Comparison& comparison) {
    std::vector<std::size_t>& totals = comparison.matrices.emplace_back();
    bool alike = true;
    const auto components = [](const StoredKernel& file) {
        return std::count_if(file.kernel.shape.matrices.begin(), file.kernel.shape.matrices.end(),
                             [](const StoredMatrix& matrix) { return matrix.is_component(); });
    };
    for (const StoredKernel& file : comparison.files) {
        totals.push_back(file.kernel.shape.total_index());
        alike = alike && file.parameters == comparison.files.front().parameters &&
                components(file) == components(comparison.files.front());
    }
    std::vector<std::vector<std::size_t>> of_tensors;
    std::vector<std::string> names;
    for (const StoredMatrix& matrix : comparison.first().shape.matrices) {
        if (!matrix.is_component()) continue;
        names.push_back(matrix.name);
        std::vector<std::size_t>& places = of_tensors.emplace_back();
        for (const StoredKernel& file : comparison.files) {
            const std::optional<std::size_t> place = component_named(file.kernel, matrix.name);
            alike = alike && place;
            places.push_back(place.value_or(0));
        }
    }
    if (!alike) {
        comparison.notes +=
            "note        the files do not have the same components: the totals alone are compared\n";
        return;
    }
    comparison.names.insert(comparison.names.end(), names.begin(), names.end());
    comparison.matrices.insert(comparison.matrices.end(), of_tensors.begin(), of_tensors.end());
}

/// Those that the kernel was made with, where it was.
void read_labels_and_targets(const KernelFile& kernel, InputSet& samples) {
    SampleSelection& selection = samples.selection;
    selection.dataset_rows = kernel.samples;
    for (Index i = 0; i < kernel.samples; ++i) selection.rows.push_back(i);
    const h5::Handle file = open_kernel_file(kernel.path);
    if (h5::exists(file, "/labels")) samples.labels = read_labels(kernel.path + ":/labels", selection);
    if (h5::exists(file, "/targets") && !kernel.gradients_are_given)
        samples.targets = read_targets(kernel.path + ":/targets", selection, kernel.outputs);
}

/// Kernels of losses and margins are of the same targets, or not compared; otherwise targets that differ are left out.
void settle_targets(Comparison& comparison) {
    read_labels_and_targets(comparison.first(), comparison.samples);
    for (std::size_t k = 1; k < comparison.files.size(); ++k) {
        const StoredKernel& file = comparison.files[k];
        InputSet its;
        read_labels_and_targets(file.kernel, its);
        if (have_same_targets(comparison.samples, its)) continue;
        const std::string& reduction = file.kernel.reduction;
        if (reduction == to_string(ReductionKind::loss) || reduction == to_string(ReductionKind::margin)) {
            fail(ExitCode::bad_input,
                 "{} and {} are gradients of the {} of other labels or targets: compute them alike",
                 printable(comparison.first().path), printable(file.kernel.path), reduction);
        }
        comparison.samples.labels.reset();
        comparison.samples.targets.reset();
        comparison.notes +=
            "note        the files have other labels or targets: nothing is aligned with them\n";
        return;
    }
}

}  // namespace

Comparison open_all(const std::vector<std::string>& paths) {
    Comparison comparison;
    for (const std::string& path : paths) {
        comparison.files.push_back(open_stored(path));
        require_comparable(comparison.files.front(), comparison.files.back());
    }
    choose_kernels(comparison);
    settle_targets(comparison);
    return comparison;
}

}  // namespace tangram
