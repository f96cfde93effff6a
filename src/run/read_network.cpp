#include "read_network.hpp"

#include "named_inputs.hpp"
#include "tangram/input/tensor_choice.hpp"
#include "tangram/network/frozen_layers.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/random.hpp"
#include "tangram/support/text.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/wrong_number.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
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

/// The chain that the tensors make, activations and scales settled.
Chain build_chain(ModelFile model, const KernelOptions& options, std::string& parameterization,
                  std::vector<std::string>* notes = nullptr) {
    const NetworkOptions network_options = with_metadata_defaults(options.network, model);
    Chain chain = chain_layers(std::move(model), network_options.layer_order, notes);
    configure(chain, network_options);
    parameterization = canonical_parameterization(network_options.parameterization.value_or("standard"));
    return chain;
}

/// What a file of tensors does not say, and a graph says itself.
void require_graph_options(const KernelOptions& options) {
    for (const auto& [option, is_given] : network_options_given(options.network)) {
        if (is_given)
            fail(ExitCode::usage, "an ONNX file says itself what the network is ({}): leave {} out",
                 options.model, option);
    }
}

void refuse_graph_options(const KernelOptions& options) {
    if (options.graph.value.empty()) return;
    fail(ExitCode::usage, "--value is for ONNX files only ({}): export the model as ONNX, or leave it out",
         options.model);
}

/// The tensors of the chain that --wrt and --frozen leave out.
std::set<std::string> frozen_tensors(const Chain& chain, const KernelOptions& options) {
    std::set<std::string> names, frozen;
    for (const Layer& layer : chain.layers) {
        names.insert(layer.weight_name);
        if (layer.has_bias()) names.insert(layer.bias_name);
    }
    const GraphOptions& chosen = options.graph;
    require_that_patterns_match(chosen, names, options.model);
    for (const std::string& name : names) {
        const bool is_chosen = chosen.wrt.empty() || matches_any(name, chosen.wrt);
        if (!is_chosen || matches_any(name, chosen.frozen)) frozen.insert(name);
    }
    if (frozen.size() < names.size()) return frozen;
    fail(ExitCode::bad_input,
         "no parameter tensor is left ({}): nothing to take a kernel of: --wrt and --frozen leave none",
         options.model);
}

/// Entry j of a sample of one input: a number that no operator finds special; of ids and masks 0 or 1, mostly 1, so that a mask
/// leaves something.
double random_entry(SampleKind kind, Index sample, Index j) {
    const std::uint64_t random = splitmix64(splitmix64(at(sample)) + at(j));
    if (kind != SampleKind::numbers) return random % 4 == 0 ? 0 : 1;
    return 0.5 + 0.4 * std::sin(static_cast<double>(random % 1000003));
}

/// Batches of two samples each: samples 0 and 1; the first another; the second another. Each input has both, one after the other.
Matrix<double> batches_of_two(const std::vector<GraphInput>& inputs) {
    constexpr Index samples[3][2] = {{0, 1}, {2, 1}, {0, 2}};
    Index width = 0;
    for (const GraphInput& input : inputs) width += entries_of(input);
    Matrix<double> X(3, width);
    Index first = 0;
    for (const GraphInput& input : inputs) {
        const Index entries = entries_of(input), of_one = entries / 2;
        for (Index batch = 0; batch < 3; ++batch) {
            for (Index j = 0; j < entries; ++j)
                X(batch, first + j) = random_entry(input.kind, samples[batch][j / of_one], j % of_one);
        }
        first += entries;
    }
    return X;
}

/// By more than rounding.
bool differ(double x, double y) {
    return std::abs(x - y) > 1e-9 * (std::abs(x) + std::abs(y));
}

/// Nothing where 0 and 1 are no ids there.
std::optional<Matrix<double>> outputs_of_batches(const Graph& two) {
    const Matrix<double> X = batches_of_two(two.inputs);
    try {
        return outputs_of(two.network, X.view());
    } catch (const WrongNumberError&) {
        return std::nullopt;
    }
}

/// The graph for a batch of two; nothing where it is made for one.
std::optional<Graph> graph_of_two(const GraphFile& file, const GraphOptions& options) {
    try {
        return make_graph(file, options, 2);
    } catch (const Error&) {
        return std::nullopt;
    }
}

/// Collective. Root's on every rank; not what only reading needs.
FactorFile broadcast_factors(const mpi::Communicator& world, FactorFile factors) {
    factors.location = mpi::broadcast(world, std::move(factors.location));
    factors.samples = mpi::broadcast(world, factors.samples);
    factors.rows = mpi::broadcast(world, factors.rows);
    factors.tensors.resize(at(mpi::broadcast(world, static_cast<Index>(factors.tensors.size()))));
    for (FactorTensor& tensor : factors.tensors) {
        for (std::string* text : {&tensor.name, &tensor.x, &tensor.s, &tensor.storage})
            *text = mpi::broadcast(world, std::move(*text));
        tensor.shape = mpi::broadcast(world, std::move(tensor.shape));
        tensor.positions = mpi::broadcast(world, tensor.positions);
    }
    return factors;
}

/// Factors of both sets, the second in the form of the first.
void read_given_gradients(const KernelOptions& options, AnyModel& model) {
    model.kind = ModelKind::factors;
    model.factors = read_factors(options.factors, options.graph);
    if (options.test.locations.empty()) return;
    model.test_factors = read_factors(options.test.locations.front(), options.graph);
    require_same_tensors(model.factors, model.test_factors);
    // two sets may tie different tensors to one dataset: each is read as its own
    for (FactorFile* set : {&model.factors, &model.test_factors}) {
        for (FactorTensor& tensor : set->tensors) tensor.storage.clear();
    }
}

}  // namespace

AnyModel read_any_model(const KernelOptions& options) {
    AnyModel model;
    if (!options.factors.empty()) {
        read_given_gradients(options, model);
        return model;
    }
    const FileAndName location = split_location(options.model);
    const bool is_graph = is_graph_file(location.file);
    if (is_graph) model.kind = ModelKind::graph;
    if (!is_graph) {
        refuse_graph_options(options);
        model.tensors = read_model(options.model);
        return model;
    }
    if (!location.name.empty()) {
        fail(ExitCode::usage, "an ONNX file has no groups ({}): leave :{} out", location.file,
             printable(location.name));
    }
    require_graph_options(options);
    model.graph = read_graph_file(location.file);
    return model;
}

AnyModel broadcast_any_model(const mpi::Communicator& world, AnyModel model) {
    model.kind = static_cast<ModelKind>(mpi::broadcast(world, static_cast<Index>(model.kind)));
    if (model.kind == ModelKind::tensors) {
        model.tensors = broadcast_model(world, std::move(model.tensors));
        return model;
    }
    if (model.kind == ModelKind::factors) {
        model.factors = broadcast_factors(world, std::move(model.factors));
        model.test_factors = broadcast_factors(world, std::move(model.test_factors));
        return model;
    }
    model.graph.path = mpi::broadcast(world, std::move(model.graph.path));
    model.graph.bytes = mpi::broadcast(world, std::move(model.graph.bytes));
    return model;
}

ReadNetwork make_any_network(AnyModel model, const KernelOptions& options) {
    if (model.kind == ModelKind::factors) {
        const FactorFile* const test = options.test.locations.empty() ? nullptr : &model.test_factors;
        std::vector<std::string> notes = std::move(model.factors.notes);
        notes.insert(notes.end(), model.test_factors.notes.begin(), model.test_factors.notes.end());
        return {network_of(model.factors, test), describe(model.factors), "given", std::move(notes)};
    }
    if (model.kind == ModelKind::graph) {
        Graph graph = make_graph(model.graph, options.graph);
        return {std::move(graph.network), std::move(graph.description), "standard", std::move(graph.notes),
                std::move(graph.inputs)};
    }
    ReadNetwork read;
    Chain chain = build_chain(std::move(model.tensors), options, read.parameterization, &read.notes);
    const std::set<std::string> frozen = frozen_tensors(chain, options);
    read.description = to_table(chain, frozen);
    read.network = make_network(std::move(chain), frozen);
    return read;
}

std::vector<std::string> other_files_of(const AnyModel& model, const KernelOptions& options) {
    if (model.kind == ModelKind::graph) return model.graph.external_files;
    if (model.kind == ModelKind::factors) {
        std::vector<std::string> files = model.factors.other_files;
        for (const std::string& file : model.test_factors.other_files) {
            if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
        }
        return files;
    }
    std::vector<std::string> files = model_files(split_location(options.model).file);
    files.erase(files.begin());
    files.insert(files.end(), model.tensors.linked.begin(), model.tensors.linked.end());
    return files;
}

void require_samples_apart(const GraphFile& file, const GraphOptions& options, const Network& network) {
    const std::optional<Graph> two = graph_of_two(file, options);
    if (!two || two->network.outputs() != 2 * network.outputs()) return;
    const std::optional<Matrix<double>> tried = outputs_of_batches(*two);
    if (!tried) return;
    const Matrix<double>& y = *tried;
    for (Index k = 0; k < y.cols(); ++k) {
        if (differ(y(0, k), y(1, k)) && differ(y(0, k), y(2, k))) {
            fail(
                ExitCode::bad_input,
                "the samples of a batch meet in this graph ({}): what it gives for one depends on the others: export it in eval(), without operators over the batch axis",
                file.path);
        }
    }
}

}  // namespace tangram
