#include "kernel_run.hpp"
#include "tangram/model/location.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/hash.hpp"

#include <fmt/ranges.h>

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

std::string digest_of_data(const KernelOptions& options, const Inputs& inputs) {
    std::string digest = digest_of(inputs, options.samples.location);
    for (const FileDigest& linked : inputs.linked_digests) digest += " + " + linked.sha256;
    return digest;
}

/// Of all values: a model file may refer to others.
std::string digest_of_weights(const Network& network) {
    std::string digests;
    for (const Layer& layer : network.layers) {
        const ConstMatrixView<double> bias{layer.bias.data(), 1, static_cast<Index>(layer.bias.size()),
                                           static_cast<Index>(layer.bias.size())};
        digests += fmt::format("{:016x}{:016x}", checksum(layer.weight.view()), checksum(bias));
    }
    return fmt::format("xxh3 {:016x}", checksum(std::string_view(digests)));
}

std::string dataset_of(const std::string& location) {
    const std::string dataset = split_location(location).name;
    return dataset.empty() ? "none" : dataset;
}

std::string describe_rows(const std::vector<std::int64_t>& rows) {
    const std::string_view bytes(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(rows[0]));
    return fmt::format("{} rows, {} to {}, xxh3 {:016x}", rows.size(), rows.front(), rows.back(),
                       checksum(bytes));
}

/// One entry a layer.
template <class Value>
std::string by_layer(const Network& network, Value value) {
    std::vector<std::string> values;
    for (const Layer& layer : network.layers) values.push_back(value(layer));
    return fmt::format("{}", fmt::join(values, ","));
}

std::string number(double value) {
    return fmt::format("{}", value);
}

}  // namespace

Identity kernel_identity(const KernelOptions& options, const Inputs& inputs, const KernelShape& shape) {
    const Network& network = inputs.network;
    std::string matrices;
    for (const KernelMatrix& matrix : shape.matrices) matrices += (matrices.empty() ? "" : " ") + matrix.path;
    return {
        {"program version", version_line()},
        {"compiler", compiler()},
        {"BLAS kernel", blas::kernel_name()},
        {"model", digest_of(inputs, options.model)},
        {"model weights", digest_of_weights(network)},
        {"model group", dataset_of(options.model)},
        {"data", digest_of_data(options, inputs)},
        {"data dataset", dataset_of(options.samples.location)},
        {"selection of samples", describe_rows(inputs.selection.rows)},
        {"data scale", number(options.samples.scale.value_or(1))},
        {"data shift", number(options.samples.shift.value_or(0))},
        {"layers", by_layer(network, [](const Layer& layer) { return layer.name; })},
        {"activation", by_layer(network, [](const Layer& layer) { return to_string(layer.activation); })},
        {"parameterization", inputs.parameterization},
        {"weight scale", by_layer(network, [](const Layer& layer) { return number(layer.weight_scale); })},
        {"bias scale", by_layer(network, [](const Layer& layer) { return number(layer.bias_scale); })},
        {"output scale", by_layer(network, [](const Layer& layer) { return number(layer.output_scale); })},
        {"space", to_string(shape.space())},
        {"reduction", to_string(inputs.reduction.kind)},
        {"logit", fmt::format("{}", inputs.reduction.logit)},
        {"precision", to_string(shape.precision)},
        {"tile", fmt::format("{}", shape.panels.panel_size)},
        {"matrices", matrices},
    };
}

}  // namespace tangram
