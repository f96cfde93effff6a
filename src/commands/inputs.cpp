#include "tangram/commands/inputs.hpp"

#include "tangram/model/input_sources.hpp"
#include "tangram/model/location.hpp"
#include "tangram/model/tensors.hpp"
#include "tangram/model/text.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/tangent/wrong_number.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tangram {

namespace {

/// Collective. Root's model file on every rank.
ModelFile broadcast_model(const mpi::Communicator& world, ModelFile model) {
    model.path = mpi::broadcast(world, std::move(model.path));
    model.tensors.resize(at(mpi::broadcast(world, static_cast<Index>(model.tensors.size()))));
    for (Tensor& tensor : model.tensors) {
        tensor.name = mpi::broadcast(world, std::move(tensor.name));
        tensor.shape = mpi::broadcast(world, std::move(tensor.shape));
        tensor.values = mpi::broadcast(world, std::move(tensor.values));
    }
    std::vector<std::pair<std::string, std::string>> entries(model.metadata.begin(), model.metadata.end());
    entries.resize(at(mpi::broadcast(world, static_cast<Index>(entries.size()))));
    for (auto& [key, value] : entries) {
        key = mpi::broadcast(world, std::move(key));
        value = mpi::broadcast(world, std::move(value));
    }
    model.metadata = {entries.begin(), entries.end()};
    return model;
}

Network build_network(ModelFile model, const KernelOptions& options, std::string& parameterization) {
    const NetworkOptions network_options = with_metadata_defaults(options.network, model);
    Network network = chain_layers(std::move(model), network_options.layer_order);
    configure(network, network_options);
    parameterization = canonical_parameterization(network_options.parameterization.value_or("standard"));
    return network;
}

Reduction choose_reduction(const KernelOptions& options, Index outputs) {
    Reduction reduction;
    reduction.outputs = outputs;
    if (!options.logit) {
        reduction.kind = parse_reduction(options.reduction);
        return reduction;
    }
    if (*options.logit >= outputs) {
        fail(ExitCode::usage, "--logit {} is beyond the network's {} outputs: give a number from 0 to {}",
             *options.logit, outputs, outputs - 1);
    }
    reduction.kind = ReductionKind::logit;
    reduction.logit = *options.logit;
    return reduction;
}

/// Collective. Root's selection on every rank.
void broadcast_selection(const mpi::Communicator& world, SampleSelection& selection) {
    selection.dataset_rows = mpi::broadcast(world, selection.dataset_rows);
    selection.width = mpi::broadcast(world, selection.width);
    selection.integers = mpi::broadcast(world, Index{selection.integers ? 1 : 0}) != 0;
    selection.rows = mpi::broadcast(world, std::move(selection.rows));
}

/// Collective. Root's labels on every rank.
void broadcast_labels(const mpi::Communicator& world, Labels& labels) {
    labels.integers = mpi::broadcast(world, Index{labels.integers ? 1 : 0}) != 0;
    labels.values = mpi::broadcast(world, std::move(labels.values));
}

}  // namespace

void naming_inputs(const KernelOptions& options, const SampleSelection& selection,
                   const std::function<void()>& work) {
    try {
        work();
    } catch (const WrongNumberError& error) {
        const WrongNumber& number = error.number();
        fail(ExitCode::bad_input, "{} ({}:{}; sample {}: {}, {}, row {}): {}", number.what,
             printable(options.model), number.tensor, number.sample, printable(options.samples.location),
             shape_text(std::array{selection.dataset_rows, selection.width}),
             selection.rows[at(number.sample)], number.advice);
    }
}

Matrix<double> read_few_samples(const mpi::Communicator& world, const SampleOptions& options,
                                const SampleSelection& selection, const std::vector<std::int64_t>& samples) {
    Matrix<double> X(static_cast<Index>(samples.size()), selection.width);
    agree(world, [&] {
        for (Index k = world.rank(); k < X.rows(); k += world.size())
            read_samples(options, selection, samples[at(k)], X.view().row_block(k, 1));
    });
    mpi::sum(world, {X.data(), at(X.size())});  // zero on all ranks but one
    return X;
}

std::vector<std::string> input_files(const KernelOptions& options) {
    std::vector<std::string> files;
    for (const std::string& location : {options.model, options.samples.location, options.samples.indices,
                                        options.labels, options.expected_outputs}) {
        if (location.empty()) continue;
        const std::string file = split_location(location).file;
        if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
    return files;
}

Inputs load_inputs(const KernelOptions& options, const mpi::Communicator& world) {
    Inputs inputs;
    ModelFile model;
    if (!options.labels.empty()) inputs.labels.emplace();
    agree_on_root(world, [&] {
        model = read_model(options.model);
        std::string parameterization;
        const Network network = build_network(model, options, parameterization);
        choose_reduction(options, network.outputs());
        inputs.selection = select_samples(options.samples, network.inputs());
        if (inputs.labels) inputs.labels = read_labels(options.labels, inputs.selection);
        if (!options.expected_outputs.empty()) {
            Matrix<double> first_row(1, network.outputs());
            read_expected_outputs(options.expected_outputs, inputs.selection, 0, first_row.view());
        }
        for (const std::string& file : input_files(options)) inputs.digests.push_back(digest_file(file));
        for (const std::string& file : linked_files(open_input(options.samples.location, "samples")))
            inputs.linked_digests.push_back(digest_file(file));
    });
    model = broadcast_model(world, std::move(model));
    inputs.network = build_network(std::move(model), options, inputs.parameterization);
    inputs.reduction = choose_reduction(options, inputs.network.outputs());
    broadcast_selection(world, inputs.selection);
    if (inputs.labels) broadcast_labels(world, *inputs.labels);
    return inputs;
}

}  // namespace tangram
