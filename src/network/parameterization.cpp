// What the options say of a network whose layers are known: activations and the scales a_l, b_l, c_l.

#include "tangram/network/chain.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tangram {

namespace {

bool has_any_bias(const Chain& chain) {
    return std::any_of(chain.layers.begin(), chain.layers.end(),
                       [](const Layer& layer) { return layer.has_bias(); });
}

/// What a list may do to the layers.
struct ScaleOption {
    const char* flag;
    const std::vector<double>& values;
};

void require_finite(const ScaleOption& option) {
    for (const double value : option.values) {
        if (!std::isfinite(value)) {
            fail(ExitCode::usage, "{} holds {}: give finite numbers", option.flag, value);
        }
    }
}

/// One number a layer; one for all is spread only where `one_for_all`.
std::vector<double> per_layer(const ScaleOption& option, Index depth, bool one_for_all) {
    require_finite(option);
    const auto layers = static_cast<std::size_t>(depth);
    if (one_for_all && option.values.size() == 1) return std::vector<double>(layers, option.values.front());
    if (option.values.size() != layers) {
        fail(ExitCode::usage, "{} has {} numbers for {} layers: give {}one for each", option.flag,
             option.values.size(), depth, one_for_all ? "one for all or " : "");
    }
    return option.values;
}

void set_activations(Chain& chain, const NetworkOptions& options) {
    const std::size_t hidden = chain.layers.size() - 1;
    const std::size_t given = options.activations.size();
    if (hidden > 0 && given == 0) {
        fail(ExitCode::usage,
             "the activation of the {} hidden layers is not known: give --activation, one of {}", hidden,
             fmt::to_string(fmt::join(activation_names(), ", ")));
    }
    if (given > 1 && given != hidden) {
        fail(ExitCode::usage,
             "--activation names {} activations for {} hidden layers: give one for all or one for each{}",
             given, hidden, given == hidden + 1 ? "; the last layer's is --output-activation" : "");
    }
    std::vector<Activation> activations;
    for (const std::string& name : options.activations) activations.push_back(parse_activation(name));
    for (std::size_t l = 0; l < hidden; ++l) chain.layers[l].activation = activations[given == 1 ? 0 : l];
    const std::string output = options.output_activation.value_or("identity");
    Layer& last = chain.layers.back();
    last.softmax = softmax_named(output);
    last.activation = last.softmax ? Activation{} : parse_activation(output);
}

void refuse_std(const std::string& parameterization, const NetworkOptions& options) {
    if (options.weight_std.empty() && options.bias_std.empty()) return;
    fail(ExitCode::usage,
         "{} has no meaning in the parameterization {}: give --parameterization ntk, or drop it",
         options.weight_std.empty() ? "--bias-std" : "--weight-std", parameterization);
}

void set_ntk_scales(Chain& chain, const NetworkOptions& options) {
    const std::vector<double> one{1.0};
    const bool needs_bias_std = has_any_bias(chain) && options.bias_scale.empty();
    if (needs_bias_std && options.bias_std.empty()) {
        fail(
            ExitCode::usage,
            "the parameterization ntk needs --bias-std, because the model has biases: give one number, or one a layer");
    }
    const Index depth = chain.depth();
    const auto weight_std =
        per_layer({"--weight-std", options.weight_std.empty() ? one : options.weight_std}, depth, true);
    const auto bias_std =
        per_layer({"--bias-std", options.bias_std.empty() ? one : options.bias_std}, depth, true);
    for (std::size_t l = 0; l < chain.layers.size(); ++l) {
        Layer& layer = chain.layers[l];
        layer.weight_scale = weight_std[l] / std::sqrt(static_cast<double>(layer.fan_in()));
        layer.bias_scale = layer.has_bias() ? bias_std[l] : 1.0;
    }
}

void set_post_activation_scales(Chain& chain) {
    for (Layer& layer : chain.layers) {
        layer.output_scale = 1.0 / std::sqrt(static_cast<double>(layer.fan_out()));
    }
    chain.layers.back().output_scale = 1.0;
}

void set_explicit_scales(Chain& chain, const ScaleOption& option, double Layer::*scale) {
    if (option.values.empty()) return;
    const std::vector<double> values = per_layer(option, chain.depth(), false);
    for (std::size_t l = 0; l < values.size(); ++l) chain.layers[l].*scale = values[l];
}

void refuse_both(const char* std_flag, const std::vector<double>& std, const char* scale_flag,
                 const std::vector<double>& scale) {
    if (std.empty() || scale.empty()) return;
    fail(ExitCode::usage, "{} and {} say the same thing twice: give one of them", std_flag, scale_flag);
}

}  // namespace

std::string canonical_parameterization(const std::string& name) {
    static const std::array<std::string, 4> known{"standard", "ntk", "post-activation", "torchntk"};
    if (std::find(known.begin(), known.end(), name) == known.end()) {
        fail(ExitCode::usage, "unknown parameterization '{}' (known: {}): did you mean {}?", printable(name),
             fmt::to_string(fmt::join(known, ", ")), nearest_name(name, known));
    }
    return name == "torchntk" ? "post-activation" : name;
}

std::optional<Softmax> softmax_named(std::string_view name) {
    if (name == "softmax") return Softmax{.logarithm = false};
    if (name == "log_softmax") return Softmax{.logarithm = true};
    return std::nullopt;
}

void require_output_activation(std::string_view name) {
    if (!softmax_named(name)) parse_activation(name);
}

void configure(Chain& chain, const NetworkOptions& options) {
    set_activations(chain, options);
    for (Layer& layer : chain.layers) layer.weight_scale = layer.bias_scale = layer.output_scale = 1.0;

    const std::string parameterization =
        canonical_parameterization(options.parameterization.value_or("standard"));
    refuse_both("--weight-std", options.weight_std, "--weight-scale", options.weight_scale);
    refuse_both("--bias-std", options.bias_std, "--bias-scale", options.bias_scale);
    if (parameterization != "ntk") refuse_std(parameterization, options);
    if (parameterization == "ntk") set_ntk_scales(chain, options);
    if (parameterization == "post-activation") set_post_activation_scales(chain);

    set_explicit_scales(chain, {"--weight-scale", options.weight_scale}, &Layer::weight_scale);
    set_explicit_scales(chain, {"--bias-scale", options.bias_scale}, &Layer::bias_scale);
    set_explicit_scales(chain, {"--output-scale", options.output_scale}, &Layer::output_scale);
}

}  // namespace tangram
