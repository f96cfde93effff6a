#include "tangram/run/inputs.hpp"

#include "choose_reduction.hpp"
#include "forms_table.hpp"
#include "more_models.hpp"
#include "named_inputs.hpp"
#include "read_network.hpp"
#include "tangram/input/input_sources.hpp"
#include "tangram/product/matrices.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/crash_guard.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/text.hpp"
#include "tangram/tangent/wrong_number.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tangram {

namespace {

void append(std::vector<std::string>& all, const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
}

/// Collective. Root's selection on every rank.
void broadcast_selection(const mpi::Communicator& world, SampleSelection& selection) {
    selection.dataset_rows = mpi::broadcast(world, selection.dataset_rows);
    selection.width = mpi::broadcast(world, selection.width);
    selection.integers = mpi::broadcast(world, Index{selection.integers ? 1 : 0}) != 0;
    selection.rows = mpi::broadcast(world, std::move(selection.rows));
    selection.sources.resize(at(mpi::broadcast(world, static_cast<Index>(selection.sources.size()))));
    for (SampleSource& source : selection.sources) {
        source.location = mpi::broadcast(world, std::move(source.location));
        source.transposed = mpi::broadcast(world, Index{source.transposed ? 1 : 0}) != 0;
        source.width = mpi::broadcast(world, source.width);
        source.channels = mpi::broadcast(world, source.channels);
    }
}

/// Collective. Root's labels on every rank.
void broadcast_labels(const mpi::Communicator& world, Labels& labels) {
    labels.integers = mpi::broadcast(world, Index{labels.integers ? 1 : 0}) != 0;
    labels.values = mpi::broadcast(world, std::move(labels.values));
}

/// Collective. Root's targets on every rank.
void broadcast_targets(const mpi::Communicator& world, Matrix<double>& targets) {
    const Index rows = mpi::broadcast(world, targets.rows());
    const Index cols = mpi::broadcast(world, targets.cols());
    const std::vector<double> values =
        mpi::broadcast(world, std::vector<double>(targets.data(), targets.data() + targets.size()));
    if (world.is_root()) return;
    targets = Matrix<double>(rows, cols);
    std::copy(values.begin(), values.end(), targets.data());
}

/// Collective.
void broadcast_set(const mpi::Communicator& world, InputSet& set) {
    broadcast_selection(world, set.selection);
    if (set.labels) broadcast_labels(world, *set.labels);
    if (set.targets) broadcast_targets(world, *set.targets);
}

/// One rank. Notes the other files that the values of `location` lie in, and their digests.
void follow_links(const std::string& location, const std::function<void()>& may_stop, Inputs& all) {
    const std::vector<std::string> linked = linked_files(location);
    if (linked.empty()) return;
    all.notes.push_back(
        fmt::format("{}: links lead to {}, which are read too", printable(location), name_some(linked)));
    for (const std::string& file : linked) all.linked_digests.push_back(digest_file(file, may_stop));
}

/// One rank. Opens and settles all that the set's options name; adds what the user should be told. `train`: labels of
/// the samples that these are tested against, or none.
void open_set(InputSet& set, Index inputs, Index outputs, const std::optional<Labels>& train,
              const std::function<void()>& may_stop, Inputs& all) {
    for (const std::string& location : set.options.locations) follow_links(location, may_stop, all);
    for (const std::string& location :
         {set.options.indices, set.labels_location, set.targets_location, set.expected_location}) {
        if (!location.empty()) follow_links(location, may_stop, all);
    }
    set.selection = select_samples(set.options, inputs);
    if (set.labels) set.labels = read_labels(set.labels_location, set.selection, train ? &*train : nullptr);
    if (set.targets) set.targets = read_targets(set.targets_location, set.selection, outputs);
    if (!set.expected_location.empty()) {
        Matrix<double> first_row(1, outputs);
        read_expected_outputs(set.expected_location, set.selection, 0, first_row.view());
    }
    if (set.options.name.empty()) append(all.notes, set.selection.notes);  // which speak of samples
    if (set.labels) append(all.notes, set.labels->notes);
}

/// The sets that the options name, not opened yet. Test samples are scaled as the others are.
void name_sets(const KernelOptions& options, Inputs& inputs) {
    inputs.samples = {options.samples, options.labels, options.targets, options.expected_outputs};
    if (!options.labels.empty()) inputs.samples.labels.emplace();
    if (!options.targets.empty()) inputs.samples.targets.emplace();
    if (options.test.locations.empty()) return;
    inputs.test.emplace(
        InputSet{options.samples, options.test_labels, options.test_targets, options.expected_test_outputs});
    inputs.test->options.locations = options.test.locations;
    inputs.test->options.rows = options.test.rows;
    inputs.test->options.indices = options.test.indices;
    if (!options.test_labels.empty()) inputs.test->labels.emplace();
    if (!options.test_targets.empty()) inputs.test->targets.emplace();
}

std::vector<const InputSet*> sets_of(const Inputs& inputs) {
    std::vector<const InputSet*> sets{&inputs.samples};
    if (inputs.test) sets.push_back(&*inputs.test);
    return sets;
}

/// Of factors: their columns, joined, are the samples.
void name_factors(const AnyModel& model, Inputs& inputs) {
    if (model.kind != ModelKind::factors) return;
    const auto name = [](const FactorFile& factors, SampleOptions& samples) {
        FactorColumns columns = columns_of(factors);
        samples.locations = std::move(columns.locations);
        samples.kinds = std::move(columns.kinds);
        samples.name = factors.location;
        samples.transpose = false;
    };
    name(model.factors, inputs.samples.options);
    if (!inputs.test) return;
    name(model.test_factors, inputs.test->options);
    inputs.test->options.first_number = model.factors.samples;
}

/// Of a graph: which of its inputs each source of samples is for.
void name_inputs(const std::vector<GraphInput>& of_graph, Inputs& inputs) {
    if (of_graph.empty()) return;
    order_by_inputs(of_graph, "--data", inputs.samples.options);
    if (inputs.test) order_by_inputs(of_graph, "--test", inputs.test->options);
}

ConjugateKernels choose_conjugate_kernels(const KernelOptions& options) {
    const bool is_none = !stores_components(options) || !options.factors.empty();
    const std::string fallback = is_none ? "none" : "last";
    const std::string wanted = options.conjugate_kernels.value_or(fallback);
    return wanted == "all"    ? ConjugateKernels::all
           : wanted == "last" ? ConjugateKernels::last
                              : ConjugateKernels::none;
}

}  // namespace

SampleSet InputSet::as_set() const {
    return {count(),
            [this](Index first, MatrixView<double> out) { read_samples(options, selection, first, out); }};
}

Problem make_problem(const KernelOptions& options, const Inputs& inputs) {
    Problem problem{inputs.network, inputs.reduction, inputs.samples.as_set(), {}, {}, options.tile};
    if (inputs.test) {
        problem.test = inputs.test->as_set();
        problem.test_reduction = &inputs.test_reduction;
    }
    problem.precision = parse_precision(options.precision);
    problem.components = stores_components(options) || measure_level(options).has_value();
    problem.stored = options.store != "none";
    problem.conjugate_kernels = choose_conjugate_kernels(options);
    return problem;
}

Shape stored_shape(const KernelOptions& options, const Shape& made) {
    Shape shape = made;
    shape.lower = options.store == "lower";
    if (shape.stored && !stores_components(options))
        std::erase_if(shape.matrices, [](const StoredMatrix& matrix) { return matrix.is_component(); });
    return shape;
}

const Product& choose_product(const KernelOptions& options, const Inputs& inputs) {
    if (inputs.test) return products_of::test_by_samples;
    const Index rows = inputs.samples.count() * inputs.reduction.sensitivities();
    const bool of_samples =
        options.space == "samples" || (options.space == "minima" && rows < inputs.network.parameters());
    return of_samples ? products_of::samples : products_of::parameters;
}

void naming_samples(const std::string& model, const InputSet& set, const std::function<void()>& work) {
    try {
        work();
    } catch (const WrongNumberError& error) {
        const WrongNumber& number = error.number();
        fail(ExitCode::bad_input, "{} ({}:{}; sample {}: {}, {}, row {}): {}", number.what, printable(model),
             number.tensor, number.sample, data_text(set.options),
             shape_text(std::array{set.selection.dataset_rows, set.selection.width}),
             set.selection.rows[at(number.sample)], number.advice);
    }
}

Matrix<double> read_few_samples(const mpi::Communicator& world, const InputSet& set,
                                const std::vector<std::int64_t>& samples) {
    Matrix<double> X(static_cast<Index>(samples.size()), set.selection.width);
    agree(world, [&] {
        for (Index k = world.rank(); k < X.rows(); k += world.size())
            read_samples(set.options, set.selection, samples[at(k)], X.view().row_block(k, 1));
    });
    mpi::sum(world, {X.data(), at(X.size())});  // zero on all ranks but one
    return X;
}

std::vector<std::string> input_files(const KernelOptions& options) {
    std::vector<std::string> locations{options.model, options.factors};
    if (options.drift) {
        append(locations, options.drift->more_models);
        locations.push_back(options.drift->list);
    }
    append(locations, options.samples.locations);
    append(locations, {options.samples.indices, options.labels, options.targets, options.expected_outputs});
    append(locations, options.test.locations);
    append(locations,
           {options.test.indices, options.test_labels, options.test_targets, options.expected_test_outputs});
    std::vector<std::string> files;
    for (const std::string& location : locations) {
        if (location.empty()) continue;
        const std::string file = split_location(location).file;
        if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
    return files;
}

bool writes_digests(const KernelOptions& options) {
    return !options.dry_run || options.resume;
}

Inputs load_inputs(const KernelOptions& options, const mpi::Communicator& world,
                   const std::function<void()>& may_stop) {
    Inputs inputs;
    AnyModel model;
    name_sets(options, inputs);
    agree_on_root(world, [&] {
        const CrashGuard guard(
            ExitCode::bad_input,
            fmt::format(
                "cannot read the inputs ({}): one of them is so damaged that libhdf5 crashes: restore it from a copy",
                name_some(input_files(options))));
        model = read_any_model(options);
        const ReadNetwork read = make_any_network(model, options);
        const Index width = read.network.inputs(), outputs = read.network.outputs();
        const Reduction reduction = choose_reduction(options, outputs);
        inputs.notes = model.tensors.notes;
        append(inputs.notes, read.notes);
        if (model.kind == ModelKind::graph) require_samples_apart(model.graph, options.graph, read.network);
        name_inputs(read.inputs, inputs);
        name_factors(model, inputs);
        open_set(inputs.samples, width, outputs, std::nullopt, may_stop, inputs);
        if (inputs.test) open_set(*inputs.test, width, outputs, inputs.samples.labels, may_stop, inputs);
        for (const InputSet* set : sets_of(inputs)) {
            require_widths_of_inputs(read.inputs, set->selection);
            require_targets_fit(reduction, *set);
        }
        append(inputs.notes, notes_of(reduction, read.network));
        if (!writes_digests(options)) return;
        for (const std::string& file : other_files_of(model, options))
            inputs.linked_digests.push_back(digest_file(file, may_stop));
    });
    model = broadcast_any_model(world, std::move(model));
    if (!world.is_root()) name_factors(model, inputs);
    ReadNetwork read = make_any_network(std::move(model), options);
    if (!world.is_root()) name_inputs(read.inputs, inputs);
    inputs.description = std::move(read.description);
    inputs.parameterization = std::move(read.parameterization);
    inputs.network = std::move(read.network);
    inputs.reduction = choose_reduction(options, inputs.network.outputs());
    if (!read.inputs.empty() || inputs.network.gradients_are_given)
        inputs.description += forms_table(inputs.network, inputs.reduction);
    keep_inputs_of_weights(choose_conjugate_kernels(options), inputs.reduction, inputs.network);
    broadcast_set(world, inputs.samples);
    if (inputs.test) broadcast_set(world, *inputs.test);
    inputs.test_reduction = inputs.reduction;
    give_targets(inputs.samples, inputs.reduction);
    if (inputs.test) give_targets(*inputs.test, inputs.test_reduction);
    inputs.output_operator = output_operator(inputs.network);
    for (const ParameterTensor& tensor : inputs.network.tensors) inputs.tensor_names.push_back(tensor.name);
    join_more_models(options, world, may_stop, inputs);
    agree_on_root(world, [&] {
        if (!writes_digests(options)) return;
        for (const std::string& file : input_files(options))
            inputs.digests.push_back(digest_file(file, may_stop));
    });
    return inputs;
}

}  // namespace tangram
