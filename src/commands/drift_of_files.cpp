// `tangram drift A.h5 B.h5 ..`: the kernels are there, and are read band by band, kernel by kernel.

#include "tangram/checks/outputs_check.hpp"
#include "tangram/commands/drift.hpp"
#include "tangram/file/derived_file.hpp"
#include "tangram/file/kernel_block_cyclic.hpp"
#include "tangram/file/kernel_samples.hpp"
#include "tangram/file/provenance.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/input/samples.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/run/kernel_drift.hpp"
#include "tangram/run/measured_targets.hpp"
#include "tangram/run/model_names.hpp"
#include "tangram/run/recorded_run.hpp"
#include "tangram/run/start_up.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/file_lock.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <optional>
#include <sstream>
#include <utility>

namespace tangram {

namespace {

/// Rows of a kernel that are read at once, about.
constexpr Index rows_of_band = 256;

/// A kernel file, opened.
struct StoredKernel {
    KernelFile kernel;
    KernelSamples samples;
    TileFile tiles;
    Index parameters;
};

/// What of the files is compared.
struct Comparison {
    std::vector<StoredKernel> files;
    std::vector<std::string> names{"ntk"};           ///< of kernels
    std::vector<std::vector<std::size_t>> matrices;  ///< [kernel][model]: of that file
    std::string notes;                               ///< lines for people
    InputSet samples;                                ///< their labels and targets, as the first file has them
    [[nodiscard]] const KernelFile& first() const { return files.front().kernel; }
};

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
    for (const StoredKernel& file : comparison.files) {
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

Comparison open_all(const std::vector<std::string>& paths) {
    Comparison comparison;
    for (const std::string& path : paths) {
        comparison.files.push_back(open_stored(path));
        require_comparable(comparison.files.front(), comparison.files.back());
    }
    choose_kernels(comparison);
    read_labels_and_targets(comparison.first(), comparison.samples);
    settle_targets(comparison);
    return comparison;
}

Reduction reduction_of(const KernelFile& kernel) {
    if (kernel.logit >= 0) return {ReductionKind::logit, kernel.logit, kernel.outputs};
    return {parse_reduction(kernel.reduction), -1, kernel.outputs};
}

/// One matrix a model: the first model's is the total, since the loop over a band ends with it.
Measuring measuring_of(const Comparison& comparison) {
    const auto models = static_cast<Index>(comparison.files.size());
    const KernelFile& first = comparison.first();
    const Index R = first.shape.total().rows_each;
    Shape shape;
    shape.axes = Axes::square({first.samples, std::max<Index>(1, rows_of_band / R)});
    shape.precision = Precision::float64;
    for (const StoredKernel& file : comparison.files) {
        if (file.kernel.shape.precision == Precision::float32) shape.precision = Precision::float32;
    }
    for (Index s = 1; s < models; ++s)
        shape.matrices.push_back({Role::component, "", fmt::format("model {}", s + 1), R, s});
    shape.matrices.push_back({Role::total, "", "model 1", R, 0});
    Measuring measuring = make_measuring(shape, 0);
    if (first.of_plain_outputs)
        add_targets_and_classes(reduction_of(first), comparison.samples, comparison.samples, measuring);
    std::vector<Index> places;
    for (Index s = 0; s < models; ++s) places.push_back(s);
    follow(std::move(places), measuring);
    return measuring;
}

/// Adds this rank's bands of one kernel, of all models, to the sums.
void measure_bands(const Comparison& comparison, std::size_t kernel, const mpi::Communicator& world,
                   const MeasureScratch& scratch, MeasureSums& sums) {
    const Measuring& measuring = sums.measuring();
    const Axis& axis = measuring.shape.axes.row;
    const Index R = measuring.rows_each(), n = axis.extent * R, whole = axis.whole() * R;
    const auto models = comparison.files.size();
    const AlignedBuffer<double> record(record_values(measuring)), kept(kept_values(measuring));
    std::vector<Matrix<double>> bands;
    for (std::size_t s = 0; s < models; ++s) bands.emplace_back(whole, n);
    for (Index I = world.rank(); I < axis.panels(); I += world.size()) {
        const Index first = axis.begin(I) * R, rows = axis.size(I) * R;
        for (std::size_t s = 0; s < models; ++s) {
            const StoredKernel& file = comparison.files[s];
            read_kernel_rows(file.tiles, file.kernel, {{comparison.matrices[kernel][s]}}, first,
                             bands[s].view().row_block(0, rows));
        }
        for (Index J = 0; J <= I; ++J) {
            const Index column = axis.begin(J) * R, cols = axis.size(J) * R;
            for (std::size_t matrix = 0; matrix < models; ++matrix) {
                const std::size_t s = (matrix + 1) % models;
                const ConstMatrixView<double> block = bands[s].view().block(0, column, rows, cols);
                measure(measuring,
                        FinishedPlane<double>{static_cast<Index>(matrix), {I, J}, first, column, block},
                        kept.data(), scratch, record.data());
                sums.take(static_cast<Index>(matrix), {I, J}, record.data());
            }
        }
    }
}

/// Collective. How often each network is right; none where the labels are no integers, or the files have no outputs.
std::vector<double> accuracies_of(const Comparison& comparison, const mpi::Communicator& world) {
    std::vector<double> accuracies;
    const std::optional<Labels>& labels = comparison.samples.labels;
    if (!labels || !labels->integers || comparison.first().gradients_are_given) return accuracies;
    for (const StoredKernel& file : comparison.files) {
        OutputsFound found;
        const ConstMatrixView<double> outputs = file.samples.outputs.view();
        check_labels(world, *labels, 0, outputs.rows,
                     outputs.row_block(0, world.is_root() ? outputs.rows : 0), found);
        accuracies.push_back(found.accuracy);
    }
    return accuracies;
}

/// Collective. What came of each kernel, on root.
FollowedKernels follow_files(const Comparison& comparison, const mpi::Communicator& world,
                             bool& has_targets) {
    FollowedKernels followed{comparison.names, {}};
    std::optional<Measuring> measuring;
    agree(world, [&] { measuring.emplace(measuring_of(comparison)); });
    has_targets = measuring->targets.has_value();
    for (std::size_t kernel = 0; kernel < comparison.names.size(); ++kernel) {
        std::optional<MeasureSums> sums;
        agree(world, [&] {
            sums.emplace(*measuring);
            measure_bands(comparison, kernel, world, MeasureScratch(*measuring), *sums);
        });
        sums->merge(world);
        agree_on_root(world, [&] { followed.drifts.push_back(std::move(kernel_drifts(*sums).front())); });
    }
    return followed;
}

void write_file(const std::string& path, const Comparison& comparison, const Provenance& provenance,
                const MeasureRecord& record) {
    h5::Handle file = create_derived_file(path, "tangram drift", comparison.first(), provenance);
    const h5::Handle root = h5::open_group(file, "/");
    h5::write_attribute(root, "n_samples", comparison.first().samples);
    h5::write_attribute(root, "n_models", static_cast<Index>(comparison.files.size()));
    h5::write_attribute(root, "reduction", comparison.first().reduction);
    write_measures(file, record);
    name_measures(file, record);
    file.close(path);
}

/// Collective.
void compare_files(const DriftOptions& options, const mpi::Communicator& world, const OutputPaths& paths) {
    std::optional<Comparison> comparison;
    agree(world, [&] { comparison.emplace(open_all(options.files)); });
    bool has_targets = false;
    const FollowedKernels followed = follow_files(*comparison, world, has_targets);
    ModelsFollowed models{options.files, options.steps,
                          "given",       accuracies_of(*comparison, world),
                          has_targets,   comparison->first().shape.precision};
    if (models.steps.empty()) models.steps = steps_of(models.models, models.steps_from);
    const Provenance provenance = gather_provenance(world, options.command_line, options.configuration);
    agree_on_root(world, [&] {
        const MeasuresFound found = describe_drift(followed, models);
        write_file(paths.partial, *comparison, provenance, found.record);
        const std::string name = publish(paths, false);
        std::cout << fmt::format("{}{}file        {}\n", found.table, comparison->notes, name) << std::flush;
    });
}

/// Options of a run over models, which files have behind them. `configuration`: those that were given, one a line.
void refuse_options_of_runs(const DriftOptions& options) {
    constexpr std::array of_files{"KERNELS", "output", "overwrite", "steps", "log-level", "progress"};
    std::istringstream given(options.configuration);
    for (std::string line; std::getline(given, line);) {
        const std::string name = line.substr(0, line.find('='));
        if (name.empty() || name.starts_with('#') || name.starts_with('[')) continue;
        if (std::find(of_files.begin(), of_files.end(), name) != of_files.end()) continue;
        fail(ExitCode::usage, "--{} is for models, and kernel files are given ({}): leave it out", name,
             printable(options.files.front()));
    }
}

}  // namespace

int run_drift_of_files(const DriftOptions& options, const mpi::Communicator& world) {
    const OutputPaths paths(options.run.output);
    FileLock lock;
    agree_on_root(world, [&] {
        refuse_options_of_runs(options);
        require_writable(paths, {options.run.overwrite, false}, options.files);
        lock = FileLock::take(paths.lock, lock_holder_line(), 0);
    });
    try {
        compare_files(options, world, paths);
    } catch (const AgreedError&) {
        if (world.is_root()) {
            std::remove(paths.partial.c_str());
            lock.remove();
        }
        throw;
    }
    if (world.is_root()) lock.remove();
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
