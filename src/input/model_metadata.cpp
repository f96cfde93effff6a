// A safetensors file may say in its __metadata__ what its network is; what the user gives goes first.

#include "chain_modules.hpp"
#include "tangram/input/tensors.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>

namespace tangram {

namespace {

[[noreturn]] void refuse(const ModelFile& model, const char* key, const std::string& why) {
    fail(ExitCode::bad_input, "the model's metadata cannot be used ({}:__metadata__.{} = '{}'): {}",
         model.path, key, printable(model.metadata.at(key)), why);
}

/// Runs a parser of the user's options on metadata: what is a usage error there is bad input here.
template <class Parse>
void check(const ModelFile& model, const char* key, Parse parse) {
    try {
        parse();
    } catch (const Error& error) {
        refuse(model, key, error.what());
    }
}

std::vector<std::string> names(const ModelFile& model, const char* key) {
    const auto entry = model.metadata.find(key);
    if (entry == model.metadata.end()) return {};
    std::vector<std::string> parts = split_list(entry->second);
    if (std::find(parts.begin(), parts.end(), "") != parts.end()) {
        refuse(model, key, "write a list, as in a,b,c");
    }
    return parts;
}

/// How many layers the tensors will make, or those of them that the user named.
std::size_t depth(const ModelFile& model, const NetworkOptions& given) {
    if (!given.layer_order.empty()) return given.layer_order.size();
    const auto is_weight = [](const Tensor& tensor) { return is_weight_name(tensor.name); };
    return static_cast<std::size_t>(std::count_if(model.tensors.begin(), model.tensors.end(), is_weight));
}

void check_count(const ModelFile& model, const char* key, std::size_t count, std::size_t wanted,
                 bool one_for_all) {
    if (count == wanted || count == 0 || (count == 1 && one_for_all)) return;
    refuse(model, key, fmt::format("{} entries where the network takes {}", count, wanted));
}

std::vector<double> numbers(const ModelFile& model, const char* key, std::size_t layers, bool one_for_all) {
    std::vector<double> values;
    for (const std::string& part : names(model, key)) {
        const std::optional<double> value = parse_number(part);
        if (!value) refuse(model, key, "write finite numbers, as in 1,0.5,2");
        values.push_back(*value);
    }
    check_count(model, key, values.size(), layers, one_for_all);
    return values;
}

/// `wanted` activations, or one for all.
std::vector<std::string> activations(const ModelFile& model, const char* key, std::size_t wanted) {
    std::vector<std::string> parts = names(model, key);
    for (const std::string& part : parts) check(model, key, [&] { parse_activation(part); });
    check_count(model, key, parts.size(), wanted, true);
    return parts;
}

std::optional<std::string> output_activation(const ModelFile& model) {
    const std::vector<std::string> parts = names(model, "output_activation");
    check_count(model, "output_activation", parts.size(), 1, true);
    if (parts.empty()) return std::nullopt;
    check(model, "output_activation", [&] { require_output_activation(parts.front()); });
    return parts.front();
}

std::optional<std::string> parameterization(const ModelFile& model) {
    const auto entry = model.metadata.find("parameterization");
    if (entry == model.metadata.end()) return std::nullopt;
    check(model, "parameterization", [&] { canonical_parameterization(entry->second); });
    return entry->second;
}

std::vector<std::string> layer_order(const ModelFile& model) {
    std::vector<std::string> order = names(model, "layers");
    for (const std::string& name : order) {
        const bool known = std::any_of(model.tensors.begin(), model.tensors.end(), [&](const Tensor& tensor) {
            return is_weight_name(tensor.name) && module_of(tensor.name) == name;
        });
        if (!known) refuse(model, "layers", fmt::format("the model has no tensor '{}.weight'", name));
        if (std::count(order.begin(), order.end(), name) > 1) {
            refuse(model, "layers", "name each module once");
        }
    }
    check_count(model, "layers", order.size(), depth(model, {}), false);
    return order;
}

/// Of two options that exclude each other, the metadata fills neither where the user gave one.
void fill_std_or_scale(const ModelFile& model, const std::string& parameterization, std::vector<double>& std,
                       const char* std_key, std::vector<double>& scale, const char* scale_key,
                       std::size_t layers) {
    if (!std.empty() || !scale.empty()) return;
    std = numbers(model, std_key, layers, true);
    scale = numbers(model, scale_key, layers, false);
    if (std.empty()) return;
    if (!scale.empty()) refuse(model, std_key, fmt::format("{} is there as well: keep one", scale_key));
    if (parameterization != "ntk") {
        refuse(model, std_key, "it has a meaning in the parameterization ntk only");
    }
}

}  // namespace

NetworkOptions with_metadata_defaults(NetworkOptions given, const ModelFile& model) {
    const std::size_t layers = depth(model, given);
    const std::optional<std::string> in_metadata = parameterization(model);
    const std::string wanted = canonical_parameterization(
        given.parameterization ? *given.parameterization : in_metadata.value_or("standard"));
    // Scales that were meant for another parameterization than the user's are not taken over.
    if (wanted == canonical_parameterization(in_metadata.value_or("standard"))) {
        fill_std_or_scale(model, wanted, given.weight_std, "weight_std", given.weight_scale, "weight_scale",
                          layers);
        fill_std_or_scale(model, wanted, given.bias_std, "bias_std", given.bias_scale, "bias_scale", layers);
        if (given.output_scale.empty()) given.output_scale = numbers(model, "output_scale", layers, false);
    }
    if (!given.parameterization) given.parameterization = in_metadata;

    const std::size_t hidden = std::max<std::size_t>(layers, 1) - 1;
    if (given.activations.empty()) given.activations = activations(model, "activation", hidden);
    if (!given.output_activation) given.output_activation = output_activation(model);
    if (given.layer_order.empty()) given.layer_order = layer_order(model);
    return given;
}

}  // namespace tangram
