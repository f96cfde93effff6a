#include "tangram/product/matrices.hpp"
#include "tangram/run/kernel_drift.hpp"
#include "tangram/run/kernel_measures.hpp"
#include "tangram/run/kernel_run.hpp"
#include "tangram/support/memory.hpp"

#include <algorithm>
#include <utility>

namespace tangram {

namespace {

/// Collective. What all ranks together took; whole on rank 0.
Timing gather_timing(const Run& run, const Computed& computed) {
    Timing timing;
    timing.ranks = run.world().size();
    timing.threads = run.threads;
    timing.flops = run.product.operations(run.problem, run.shape);
    timing.bytes_received = mpi::sum(run.world(), computed.bytes_received);
    timing.bytes_written = mpi::sum(run.world(), computed.bytes_written);
    timing.planned_memory = run.memory.peak();
    const std::vector<double> by_rank = mpi::gather(run.world(), run.context.timer.all());
    timing.seconds.resize(by_rank.size());
    for (std::size_t k = 0; k < by_rank.size(); ++k) {
        timing.seconds[k % phase_names.size() * at(timing.ranks) + k / phase_names.size()] = by_rank[k];
    }
    const auto peak = static_cast<double>(peak_memory());
    timing.peak_memory = mpi::gather(run.world(), std::span<const double>(&peak, 1));
    return timing;
}

Matrix<double> copy_of(const Matrix<double>& matrix) {
    Matrix<double> copy(matrix.rows(), matrix.cols());
    std::copy_n(matrix.data(), matrix.size(), copy.data());
    return copy;
}

/// Collective.
SampleRecord gather_set(const mpi::Communicator& world, const InputSet& set, const ComputedSet& computed) {
    SampleRecord record;
    record.rows = set.selection.rows;
    record.hashes.assign(at(set.count()), 0);
    std::copy(computed.hashes.begin(), computed.hashes.end(), record.hashes.begin() + computed.samples.begin);
    mpi::bitwise_or(world, record.hashes);
    if (set.targets) record.targets = copy_of(*set.targets);
    if (set.labels)
        record.labels.emplace(
            SampleRecord::Labels{set.labels->integers, set.labels->values, set.labels->classes});
    return record;
}

/// Collective.
DiagonalRecord gather_diagonals(const Run& run, const Computed& computed) {
    DiagonalRecord record;
    record.is_full = run.problem.reduction.is_full();
    record.rows_each = run.problem.reduction.rows_per_sample();
    const Index M = run.inputs.test->count();
    const Index entries = record.rows_each * record.rows_each;
    record.total = Matrix<double>(M, entries);
    const std::vector<std::string> datasets = tensor_datasets(run.problem.network);
    for (std::size_t t = 0; t < computed.diagonals.size(); ++t) {
        Matrix<double> whole(M, entries);
        std::copy_n(computed.diagonals[t].data(), computed.diagonals[t].size(),
                    whole.data() + computed.test->samples.begin * entries);
        mpi::sum(run.world(), {whole.data(), at(whole.size())});
        for (Index k = 0; k < whole.size(); ++k) record.total.data()[k] += whole.data()[k];
        record.components.push_back({run.problem.network.tensors[t].name, datasets[t], std::move(whole)});
    }
    return record;
}

/// Of rows that are not simply all outputs, or one.
void add_row_attributes(const Reduction& reduction, std::vector<Attribute>& root) {
    const bool is_loss = reduction.kind == ReductionKind::loss;
    const bool is_weighted = reduction.weights == RowWeights::sqrt_hessian;
    if (reduction.chosen.empty() && !reduction.combinations && !reduction.needs_outputs()) return;
    root.push_back({"reduction_text", describe(reduction)});
    root.push_back({"rows_of_sample", reduction.sensitivities()});
    if (is_loss) root.push_back({"loss", to_string(reduction.loss)});
    if (is_weighted) {
        root.push_back({"loss", to_string(Loss::cross_entropy)});
        root.push_back({"weights", std::string("sqrt-hessian")});
    }
    if (!reduction.chosen.empty())
        root.push_back(
            {"outputs", std::vector<std::int64_t>(reduction.chosen.begin(), reduction.chosen.end())});
    if (!reduction.combinations) return;
    root.push_back({"project_outputs", reduction.sensitivities()});
    root.push_back({"seed", static_cast<Index>(reduction.seed)});
    root.push_back({"unbiased_for", std::string("trace")});
    root.push_back({"signs", std::string(signs_in_words)});
}

std::vector<Attribute> root_attributes(const Run& run) {
    const Reduction& reduction = run.problem.reduction.of_one();
    const Axes& axes = run.shape.axes;
    std::vector<Attribute> root{{"space", std::string(run.product.space)},
                                {"product", std::string(run.product.name)},
                                {"n_samples", run.inputs.samples.count()}};
    if (run.inputs.test) root.push_back({"n_test_samples", run.inputs.test->count()});
    if (!run.shape.stored) root.push_back({"store", std::string("none")});
    if (run.shape.lower) root.push_back({"store", std::string("lower")});
    const Index models = run.inputs.models;
    root.push_back({"n_outputs", run.problem.network.outputs() / models});
    if (run.context.options.drift) root.push_back({"n_models", models});
    if (run.problem.network.gradients_are_given)
        root.push_back({"gradients", std::string("given")});
    else
        root.push_back({"output_operator", run.inputs.output_operator});
    root.push_back({"n_parameters", run.problem.network.parameters() / models});
    root.push_back({"reduction", to_string(reduction.kind)});
    root.push_back({"logit", reduction.logit});
    add_row_attributes(reduction, root);
    root.push_back({"parameterization", run.inputs.parameterization});
    root.push_back({"precision", to_string(run.shape.precision)});
    if (axes.symmetric) {
        root.push_back({"tile", axes.column.panel_size});
    } else {
        root.push_back({"tile", axes.column.whole()});
        root.push_back({"tile_rows", axes.row.whole()});
    }
    return root;
}

/// Collective. How often each of the models is right; none of a run that compares none.
std::vector<double> accuracies_of_models(const Run& run, const Computed& computed) {
    if (!run.context.options.drift) return {};
    const ConstMatrixView<double> outputs = computed.samples.outputs.view();
    const Index C = outputs.cols / run.inputs.models;
    std::vector<ConstMatrixView<double>> of_models;
    for (Index s = 0; s < run.inputs.models; ++s)
        of_models.push_back(outputs.block(0, s * C, outputs.rows, C));
    return accuracies_of(run.world(), run.inputs.samples.labels,
                         {computed.samples.samples.begin, run.inputs.samples.count()}, of_models);
}

MeasuresFound describe_models(const Run& run, const MeasureSums& sums,
                              const std::vector<double>& accuracies) {
    const KernelOptions& options = run.context.options;
    std::vector<std::string> models{options.model};
    models.insert(models.end(), options.drift->more_models.begin(), options.drift->more_models.end());
    return describe_drift(followed_kernels(sums, run.inputs),
                          {std::move(models), options.drift->steps, options.drift->steps_from, accuracies,
                           sums.measuring().targets.has_value(), run.shape.precision});
}

NeighbourRecord gather_neighbours(const Run& run, const Neighbours& found) {
    return {found.K(),
            !run.shape.axes.symmetric,
            found.largest().values,
            found.smallest().values,
            found.largest().columns,
            found.smallest().columns};
}

}  // namespace

KernelMetadata gather_metadata(const Run& run, Computed& computed, const CheckReport& report) {
    KernelMetadata metadata{run.shape, root_attributes(run),
                            run.problem.network.outputs() / run.inputs.models};
    metadata.timing = gather_timing(run, computed);
    metadata.samples = gather_set(run.world(), run.inputs.samples, computed.samples);
    if (run.inputs.test) {
        metadata.test = gather_set(run.world(), *run.inputs.test, *computed.test);
        metadata.diagonal = gather_diagonals(run, computed);
    }
    metadata.provenance =
        gather_provenance(run.world(), run.context.options.command_line, run.context.options.configuration);
    metadata.provenance.identity = to_json(run.identity);
    metadata.provenance.inputs = run.inputs.digests;
    metadata.provenance.inputs.insert(metadata.provenance.inputs.end(), run.inputs.linked_digests.begin(),
                                      run.inputs.linked_digests.end());
    for (auto& checksums : computed.checksums) mpi::bitwise_or(run.world(), checksums);
    metadata.checksums = std::move(computed.checksums);
    metadata.checks = record_of(report);
    const std::vector<double> accuracies = accuracies_of_models(run, computed);
    if (computed.sums && run.world().is_root()) {
        MeasuresFound found = run.context.options.drift
                                  ? describe_models(run, *computed.sums, accuracies)
                                  : describe_measures(*computed.sums, run.inputs, run.context.options);
        metadata.measures = std::move(found.record);
        computed.measures_table = std::move(found.table);
    }
    if (computed.neighbours) metadata.neighbours = gather_neighbours(run, *computed.neighbours);
    return metadata;
}

}  // namespace tangram
