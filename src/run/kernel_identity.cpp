#include "tangram/run/kernel_run.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/location.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace tangram {

namespace {

/// Of the file in FILE:DATASET or FILE[:GROUP].
std::string digest_of(const Inputs& inputs, const std::string& location) {
    const std::string file = split_location(location).file;
    for (const FileDigest& digest : inputs.digests) {
        if (digest.path == file) return "sha256 " + digest.sha256;
    }
    return "unknown";
}

std::string digest_of_data(const std::vector<std::string>& locations, const Inputs& inputs) {
    std::string digest;
    for (const std::string& location : locations)
        digest += (digest.empty() ? "" : " + ") + digest_of(inputs, location);
    for (const FileDigest& linked : inputs.linked_digests) digest += " + " + linked.sha256;
    return digest;
}

/// Of all values: a model file may refer to others.
std::string digest_of_weights(const Network& network) {
    std::string digests;
    for (const ParameterTensor& tensor : network.tensors)
        digests += fmt::format("{:016x}", checksum(tensor.values.view()));
    return fmt::format("xxh3 {:016x}", checksum(std::string_view(digests)));
}

std::string dataset_of(const std::string& location) {
    const std::string dataset = split_location(location).name;
    return dataset.empty() ? "none" : dataset;
}

/// As they were read: also one whose name was left out, and which way round.
std::string datasets_of(const SampleSelection& selection) {
    std::string datasets;
    for (const SampleSource& source : selection.sources) {
        datasets += datasets.empty() ? "" : " + ";
        datasets += dataset_of(source.location) + (source.transposed ? ", transposed" : "");
    }
    return datasets;
}

std::string describe_rows(const std::vector<std::int64_t>& rows) {
    const std::string_view bytes(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(rows[0]));
    return fmt::format("{} rows, {} to {}, xxh3 {:016x}", rows.size(), rows.front(), rows.back(),
                       checksum(bytes));
}

std::string names_of_layers(const Network& network) {
    std::vector<std::string> names;
    for (const Index layer : layers_of(network)) names.push_back(network.nodes[at(layer)].name);
    return fmt::format("{}", fmt::join(names, ","));
}

/// A field for each constant that some operator has, the values of all nodes that have it in it: "activation", "relu,identity".
Identity constants_by_name(const Network& network) {
    Identity fields;
    for (const Node& node : network.nodes) {
        for (const OperatorConstant& constant : constants_of(node.op)) {
            const auto field = std::find_if(fields.begin(), fields.end(),
                                            [&](const auto& known) { return known.first == constant.name; });
            if (field == fields.end()) {
                fields.emplace_back(constant.name, constant.value);
            } else {
                field->second.append(",").append(constant.value);
            }
        }
    }
    return fields;
}

/// Operators and what they take: "Dense 0>1 Activate 1>2".
std::string wiring(const Network& network) {
    std::vector<std::string> nodes;
    for (const Node& node : network.nodes)
        nodes.push_back(fmt::format("{} {}>{}", name_of(node.op), fmt::join(node.inputs, "+"), node.output));
    return fmt::format("{}", fmt::join(nodes, " "));
}

std::string number(double value) {
    return fmt::format("{}", value);
}

std::string numbers(const std::vector<double>& values, double if_none) {
    return values.empty() ? number(if_none) : fmt::format("{}", fmt::join(values, ","));
}

std::string digest_of_targets(const Targets& targets) {
    if (!targets.are_classes()) return fmt::format("xxh3 {:016x}", checksum(targets.values.view()));
    const std::string_view bytes(reinterpret_cast<const char*>(targets.classes.data()),
                                 targets.classes.size() * sizeof(targets.classes[0]));
    return fmt::format("classes, xxh3 {:016x}", checksum(bytes));
}

/// Which rows of J, beside what the names of the reduction say.
void add_rows(const Inputs& inputs, Identity& identity) {
    const Reduction& reduction = inputs.reduction;
    if (reduction.kind == ReductionKind::loss) identity.emplace_back("loss", to_string(reduction.loss));
    if (!reduction.chosen.empty())
        identity.emplace_back("outputs", fmt::format("{}", fmt::join(reduction.chosen, ",")));
    if (reduction.combinations) {
        identity.emplace_back("combinations of outputs", fmt::format("{}", reduction.sensitivities()));
        identity.emplace_back("seed of the combinations", fmt::format("{}", reduction.seed));
    }
    if (reduction.weights != RowWeights::none) identity.emplace_back("weights", "sqrt-hessian");
    if (reduction.targets) identity.emplace_back("labels or targets", digest_of_targets(*reduction.targets));
    if (inputs.test && inputs.test_reduction.targets)
        identity.emplace_back("labels or targets of test samples",
                              digest_of_targets(*inputs.test_reduction.targets));
}

void add_model_and_data(const KernelOptions& options, const Inputs& inputs, Identity& identity) {
    const SampleOptions& scaling = options.samples;
    const Identity fields{
        {"model", digest_of(inputs, options.model)},
        {"model weights", digest_of_weights(inputs.network)},
        {"model group", dataset_of(options.model)},
        {"data", digest_of_data(options.samples.locations, inputs)},
        {"data dataset", datasets_of(inputs.samples.selection)},
        {"selection of samples", describe_rows(inputs.samples.selection.rows)},
        {"data scale", numbers(scaling.scale, 1)},
        {"data shift", numbers(scaling.shift, 0)},
        {"data mean", numbers(scaling.mean, 0)},
        {"data std", numbers(scaling.std, 1)},
        {"channels first", scaling.channels_first ? "yes" : "no"},
    };
    identity.insert(identity.end(), fields.begin(), fields.end());
}

void add_factors(const KernelOptions& options, const Inputs& inputs, Identity& identity) {
    identity.emplace_back("factors", digest_of_data({options.factors}, inputs));
    identity.emplace_back("factors group", dataset_of(options.factors));
    if (inputs.test) identity.emplace_back("test factors group", dataset_of(options.test.locations.front()));
    identity.emplace_back("selection of samples", describe_rows(inputs.samples.selection.rows));
    std::string tensors;
    for (const ParameterTensor& tensor : inputs.network.tensors)
        tensors += (tensors.empty() ? "" : ", ") + describe(tensor);
    identity.emplace_back("tensors", tensors);
}

}  // namespace

Identity kernel_identity(const KernelOptions& options, const Inputs& inputs, const Product& product,
                         const Shape& shape) {
    const Network& network = inputs.network;
    std::string matrices;
    if (!shape.stored) matrices = "none of";
    if (shape.lower) matrices = "lower tiles of";
    for (const StoredMatrix& matrix : shape.matrices) matrices += (matrices.empty() ? "" : " ") + matrix.path;
    Identity identity{
        {"program version", version_line()},
        {"compiler", compiler()},
        {"BLAS kernel", blas::kernel_name()},
    };
    if (network.gradients_are_given)
        add_factors(options, inputs, identity);
    else
        add_model_and_data(options, inputs, identity);
    const Identity of_product{
        {"layers", names_of_layers(network)},
        {"parameterization", inputs.parameterization},
        {"operators", wiring(network)},
        {"product", std::string(product.name)},
        {"reduction", to_string(inputs.reduction.kind)},
        {"logit", fmt::format("{}", inputs.reduction.logit)},
        {"precision", to_string(shape.precision)},
        {"tile", fmt::format("{}", shape.axes.column.panel_size)},
        {"matrices", matrices},
    };
    identity.insert(identity.end(), of_product.begin(), of_product.end());
    if (options.top_neighbours)
        identity.emplace_back("top neighbours", fmt::format("{}", *options.top_neighbours));
    add_rows(inputs, identity);
    for (auto& field : constants_by_name(network)) identity.push_back(std::move(field));
    if (inputs.test) {
        identity.emplace_back("test data",
                              digest_of_data(network.gradients_are_given ? options.test.locations
                                                                         : inputs.test->options.locations,
                                             inputs));
        if (!network.gradients_are_given)
            identity.emplace_back("test dataset", datasets_of(inputs.test->selection));
        identity.emplace_back("selection of test samples", describe_rows(inputs.test->selection.rows));
    }
    return identity;
}

}  // namespace tangram
