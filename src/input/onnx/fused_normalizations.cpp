// BatchNorm taken otherwise: folded into the layer before it, W'_o = f_o W_o, B'_o = f_o (B_o - mean_o) + shift_o with
// f = scale / sqrt(variance + epsilon); or with its statistics as parameters.

#include "other_readings_of_model.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace tangram::onnx_file {

namespace {

constexpr const char* normalization = "BatchNormalization";

double number(const Node& node, const char* name, double otherwise) {
    const auto found = node.attributes.find(name);
    if (found == node.attributes.end()) return otherwise;
    if (const auto* real = std::get_if<double>(&found->second)) return *real;
    if (const auto* integer = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*integer);
    return otherwise;
}

/// The reading by names.
struct Names {
    explicit Names(Reading& reading) {
        for (Tensor& tensor : reading.model.initializers) tensors[tensor.name] = &tensor;
        for (Node& node : reading.model.nodes) {
            for (const std::string& input : node.inputs) ++uses[input];
            for (const std::string& output : node.outputs) producer[output] = &node;
        }
        ++uses[reading.output];
    }
    [[nodiscard]] Tensor* tensor(const Node& node, std::size_t k) const {
        if (node.inputs.size() <= k) return nullptr;
        const auto found = tensors.find(node.inputs[k]);
        return found == tensors.end() ? nullptr : found->second;
    }
    std::map<std::string, Tensor*> tensors;
    std::map<std::string, Node*> producer;
    std::map<std::string, int> uses;
};

/// A layer with the BatchNorm behind it, and their tensors.
struct Pair {
    Node* layer;
    Node* norm;
    Tensor *weight, *bias;  ///< bias: nullptr where there is none
    Tensor *scale, *shift, *mean, *variance;
    bool by_column;  ///< the weight's units are its last axis
};

bool is_layer(const Node& node, bool dense_too) {
    if (node.op_type == "Conv") return true;
    return dense_too && node.op_type == "Gemm" && number(node, "alpha", 1) == 1 &&
           number(node, "beta", 1) == 1 && number(node, "transA", 0) == 0;
}

/// Nothing where the normalization cannot be folded.
std::optional<Pair> pair_of(const Names& names, Node& norm, bool dense_too) {
    const auto found = names.producer.find(norm.inputs.front());
    if (norm.inputs.size() < 5 || found == names.producer.end()) return std::nullopt;
    Node& layer = *found->second;
    if (!is_layer(layer, dense_too) || names.uses.at(norm.inputs.front()) != 1) return std::nullopt;
    const Pair pair{&layer,
                    &norm,
                    names.tensor(layer, 1),
                    names.tensor(layer, 2),
                    names.tensor(norm, 1),
                    names.tensor(norm, 2),
                    names.tensor(norm, 3),
                    names.tensor(norm, 4),
                    layer.op_type == "Gemm" && number(layer, "transB", 0) == 0};
    const bool has_bias = layer.inputs.size() > 2 && !layer.inputs[2].empty();
    if (!pair.weight || !pair.scale || !pair.shift || !pair.mean || !pair.variance ||
        (has_bias && !pair.bias))
        return std::nullopt;
    if (names.uses.at(pair.weight->name) != 1 || (pair.bias && names.uses.at(pair.bias->name) != 1))
        return std::nullopt;
    const std::size_t channels = pair.scale->values.size();
    const Index units = pair.by_column ? pair.weight->shape.back() : pair.weight->shape.front();
    const bool fits = static_cast<Index>(channels) == units && pair.shift->values.size() == channels &&
                      pair.mean->values.size() == channels && pair.variance->values.size() == channels &&
                      (!pair.bias || pair.bias->values.size() == channels);
    return fits ? std::optional(pair) : std::nullopt;
}

/// "conv1.bias" of "conv1.weight", or a name that no tensor has.
std::string name_of_bias(const Names& names, const std::string& weight) {
    const std::string end = "weight";
    std::string name =
        weight.ends_with(end) ? weight.substr(0, weight.size() - end.size()) + "bias" : weight + ".bias";
    while (names.tensors.contains(name)) name += "'";
    return name;
}

/// Appends the new bias, where there was none, to `more`.
void fold(const Names& names, const Pair& pair, Reading& reading, std::vector<Tensor>& more) {
    const std::size_t channels = pair.scale->values.size();
    if (channels == 0 || pair.weight->values.size() < channels) return;  // nothing to fold
    const double epsilon = number(*pair.norm, "epsilon", 1e-5);
    std::vector<double> f(channels), bias(channels);
    for (std::size_t c = 0; c < channels; ++c) {
        f[c] = pair.scale->values[c] / std::sqrt(pair.variance->values[c] + epsilon);
        bias[c] =
            f[c] * ((pair.bias ? pair.bias->values[c] : 0) - pair.mean->values[c]) + pair.shift->values[c];
    }
    std::vector<double>& W = pair.weight->values;
    const std::size_t unit = W.size() / channels;
    for (std::size_t k = 0; k < W.size(); ++k) W[k] *= f[pair.by_column ? k % channels : k / unit];
    const bool counts = reading.parameters.contains(pair.shift->name) ||
                        (pair.bias && reading.parameters.contains(pair.bias->name));
    const std::string name = pair.bias ? pair.bias->name : name_of_bias(names, pair.weight->name);
    if (pair.bias) {
        pair.bias->values = std::move(bias);
    } else {
        more.push_back({name, {static_cast<Index>(channels)}, Type::number, std::move(bias)});
        pair.layer->inputs.resize(3);
        pair.layer->inputs[2] = name;
    }
    if (counts) reading.parameters.insert(name);
    pair.layer->outputs.front() = pair.norm->outputs.front();
    pair.norm->op_type.clear();  // to be dropped
}

bool fuse(Reading& reading, bool dense_too) {
    const Names names(reading);
    std::vector<Tensor> more;
    bool is_dense = false, any = false;
    for (Node& node : reading.model.nodes) {
        if (node.op_type != normalization || node.inputs.empty()) continue;
        const auto pair = pair_of(names, node, dense_too);
        if (!pair) continue;
        any = true;
        is_dense = is_dense || pair->layer->op_type == "Gemm";
        fold(names, *pair, reading, more);
    }
    std::erase_if(reading.model.nodes, [](const Node& node) { return node.op_type.empty(); });
    for (Tensor& tensor : more) reading.model.initializers.push_back(std::move(tensor));
    return dense_too ? is_dense : any;
}

}  // namespace

bool fuse_into_convolutions(Reading& reading) {
    return fuse(reading, false);
}

bool fuse_into_any_layer(Reading& reading) {
    return fuse(reading, true);
}

bool count_statistics(Reading& reading) {
    const Names names(reading);
    bool any = false;
    for (const Node& node : reading.model.nodes) {
        if (node.op_type != normalization) continue;
        for (const std::size_t k : {std::size_t{3}, std::size_t{4}}) {
            const Tensor* statistic = names.tensor(node, k);
            if (statistic != nullptr) any = reading.parameters.insert(statistic->name).second || any;
        }
    }
    return any;
}

}  // namespace tangram::onnx_file
