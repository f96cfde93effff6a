// `tangram drift A.h5 B.h5 ..`: the kernels are there, and are read band by band, kernel by kernel.

#include "drift_inputs.hpp"
#include "tangram/commands/drift.hpp"
#include "tangram/file/derived_file.hpp"
#include "tangram/file/kernel_block_cyclic.hpp"
#include "tangram/file/provenance.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/run/kernel_drift.hpp"
#include "tangram/run/measured_targets.hpp"
#include "tangram/run/model_names.hpp"
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

/// Collective. How often each network is right: root has all samples of the files.
std::vector<double> accuracies_of_files(const Comparison& comparison, const mpi::Communicator& world) {
    if (comparison.first().gradients_are_given) return {};
    const Index N = comparison.first().samples;
    std::vector<ConstMatrixView<double>> outputs;
    for (const StoredKernel& file : comparison.files)
        outputs.push_back(file.samples.outputs.view().row_block(0, world.is_root() ? N : 0));
    return accuracies_of(world, comparison.samples.labels, {0, N}, outputs);
}

/// Collective. What came of each kernel, on root.
FollowedKernels follow_files(const Comparison& comparison, const Measuring& measuring,
                             const mpi::Communicator& world) {
    FollowedKernels followed{comparison.names, {}};
    for (std::size_t kernel = 0; kernel < comparison.names.size(); ++kernel) {
        std::optional<MeasureSums> sums;
        agree(world, [&] {
            sums.emplace(measuring);
            measure_bands(comparison, kernel, world, MeasureScratch(measuring), *sums);
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
    Comparison comparison;
    Measuring measuring;
    agree(world, [&] {
        comparison = open_all(options.files);
        measuring = measuring_of(comparison);
    });
    const FollowedKernels followed = follow_files(comparison, measuring, world);
    ModelsFollowed models{options.files,
                          options.steps,
                          "given",
                          accuracies_of_files(comparison, world),
                          measuring.targets.has_value(),
                          measuring.shape.precision};
    if (models.steps.empty()) models.steps = steps_of(models.models, models.steps_from);
    const Provenance provenance = gather_provenance(world, options.command_line, options.configuration);
    agree_on_root(world, [&] {
        const MeasuresFound found = describe_drift(followed, models);
        write_file(paths.partial, comparison, provenance, found.record);
        const std::string name = publish(paths, false);
        std::cout << fmt::format("{}{}file        {}\n", found.table, comparison.notes, name) << std::flush;
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
