// What Keras' configuration says of a network: its layers in order, and the activation of each.

#include "keras.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>

namespace tangram {

namespace {

using nlohmann::json;

/// The text as JSON, which what follows walks through by recursion: none of Keras' is nested deeper.
json parse(const std::string& text) {
    constexpr int deepest = 200;
    return json::parse(text, [](int depth, json::parse_event_t, const json& part) {
        if (depth > deepest) throw json::other_error::create(500, "nested too deeply", &part);
        return true;
    });
}

[[noreturn]] void refuse_layer(const ModelFile& model, const std::string& layer, const std::string& what) {
    fail(
        ExitCode::bad_input,
        "the Keras layer {} is {} ({}): of Keras files only chains of dense layers are read: export the model as ONNX (tf2onnx) and give the .onnx as --model",
        printable(layer), what, model.path);
}

/// Keras' activation functions by our names. hard_sigmoid is another function before version 3.
std::optional<std::string> function_name(const std::string& keras, bool is_version_3) {
    static constexpr std::array<std::pair<const char*, const char*>, 21> known{
        {{"linear", "identity"},
         {"relu", "relu"},
         {"tanh", "tanh"},
         {"sigmoid", "sigmoid"},
         {"softmax", "softmax"},
         {"elu", "elu"},
         {"selu", "selu"},
         {"gelu", "gelu"},
         {"swish", "silu"},
         {"silu", "silu"},
         {"softplus", "softplus"},
         {"softsign", "softsign"},
         {"mish", "mish"},
         {"relu6", "relu6"},
         {"celu", "celu"},
         {"hard_tanh", "hardtanh"},
         {"hard_silu", "hardswish"},
         {"hard_swish", "hardswish"},
         {"hard_sigmoid", "hardsigmoid"},
         {"leaky_relu", "leaky_relu:0.2"},
         {"log_softmax", "log_softmax"}}};
    if (keras == "hard_sigmoid" && !is_version_3) return std::nullopt;
    for (const auto& [theirs, ours] : known) {
        if (keras == theirs) return ours;
    }
    return std::nullopt;
}

/// Of a dense layer's or Activation layer's configuration.
std::string activation_of(const ModelFile& model, const std::string& layer, const json& config,
                          bool is_version_3) {
    const json value = config.contains("activation") ? config.at("activation") : json("linear");
    std::string name = "linear";
    if (value.is_string()) name = value.get<std::string>();
    if (value.is_object()) name = value.value("class_name", "an unknown function");
    const std::optional<std::string> ours = function_name(name, is_version_3);
    if (!ours)
        refuse_layer(model, layer,
                     fmt::format("with the activation '{}', which is not known here", printable(name)));
    return *ours;
}

/// The first of these entries that is there and not null.
double number(const ModelFile& model, const std::string& layer, const json& config,
              std::initializer_list<const char*> keys, double if_none) {
    for (const char* key : keys) {
        if (!config.contains(key) || config.at(key).is_null()) continue;
        if (config.at(key).is_number()) return config.at(key).get<double>();
        refuse_layer(model, layer, fmt::format("with an entry {} that is no number", key));
    }
    return if_none;
}

/// The activation that a layer of this class is; nothing for a class that is none.
std::optional<std::string> activation_layer(const ModelFile& model, const std::string& name,
                                            const std::string& kind, const json& config, bool is_version_3) {
    constexpr double unlimited = std::numeric_limits<double>::infinity();
    if (kind == "Activation") return activation_of(model, name, config, is_version_3);
    if (kind == "Softmax") return "softmax";
    const auto entry = [&](std::initializer_list<const char*> keys, double if_none) {
        return number(model, name, config, keys, if_none);
    };
    if (kind == "LeakyReLU") return fmt::format("leaky_relu:{}", entry({"negative_slope", "alpha"}, 0.3));
    if (kind == "ELU") return fmt::format("elu:{}", entry({"alpha"}, 1));
    if (kind != "ReLU") return std::nullopt;
    const double slope = entry({"negative_slope"}, 0), threshold = entry({"threshold"}, 0);
    const double most = entry({"max_value"}, unlimited);
    if (threshold != 0 || (most != unlimited && (most != 6 || slope != 0)))
        refuse_layer(model, name, "a ReLU with a threshold or a largest value of its own");
    return most == 6 ? "relu6" : slope != 0 ? fmt::format("leaky_relu:{}", slope) : "relu";
}

bool changes_nothing(const std::string& kind) {
    static constexpr std::array<const char*, 9> known{
        "InputLayer",      "Dropout", "AlphaDropout",           "GaussianDropout",
        "GaussianNoise",   "Flatten", "ActivityRegularization", "Reshape",
        "SpatialDropout1D"};
    return std::find(known.begin(), known.end(), kind) != known.end();
}

/// The texts anywhere in `value` that are names of layers: where a layer's input comes from.
void find_names(const json& value, const std::set<std::string>& names, std::set<std::string>& found) {
    if (value.is_string() && names.contains(value.get<std::string>())) found.insert(value.get<std::string>());
    if (value.is_structured()) {
        for (const json& part : value) find_names(part, names, found);
    }
}

/// Each layer takes what the one before gives, once; the last one's is the output. A Sequential has no `inbound_nodes`.
void check_is_chain(const ModelFile& model, const json& layers, const json& outputs) {
    std::set<std::string> names, last;
    for (const json& layer : layers) names.insert(layer.value("name", ""));
    std::string before;
    for (const json& layer : layers) {
        const std::string name = layer.value("name", "");
        if (layer.contains("inbound_nodes")) {
            std::set<std::string> sources, alone{before};
            find_names(layer.at("inbound_nodes"), names, sources);
            if (&layer == &layers.front()) alone.clear();  // the input
            if (layer.at("inbound_nodes").size() > 1) refuse_layer(model, name, "used several times");
            if (sources != alone) refuse_layer(model, name, "not connected to the layer before it alone");
        }
        before = name;
    }
    find_names(outputs, names, last);
    last.erase(before);
    if (!last.empty()) refuse_layer(model, *last.begin(), "an output of its own");
}

/// Of each dense layer in order.
std::vector<std::string> dense_activations(const ModelFile& model, const json& layers, bool is_version_3) {
    std::vector<std::string> activations;
    for (const json& layer : layers) {
        const std::string kind = layer.value("class_name", "");
        const json config = layer.value("config", json::object());
        const std::string name = config.value("name", layer.value("name", kind));
        if (kind == "Dense") {
            activations.push_back(activation_of(model, name, config, is_version_3));
        } else if (const auto activation = activation_layer(model, name, kind, config, is_version_3)) {
            if (activations.empty() || activations.back() != "identity")
                refuse_layer(model, name, "an activation that follows another, or no layer");
            activations.back() = *activation;
        } else if (!changes_nothing(kind)) {
            refuse_layer(model, name, kind.empty() ? "of no class" : "of class " + printable(kind));
        }
    }
    return activations;
}

void fill_metadata(ModelFile& model, const std::vector<std::string>& activations) {
    const auto layers = std::count_if(model.tensors.begin(), model.tensors.end(),
                                      [](const Tensor& tensor) { return tensor.name.ends_with(".kernel"); });
    if (activations.empty() || static_cast<std::ptrdiff_t>(activations.size()) != layers) return;
    std::string hidden;
    for (std::size_t l = 0; l + 1 < activations.size(); ++l) hidden += (l == 0 ? "" : ",") + activations[l];
    if (!hidden.empty()) model.metadata["activation"] = hidden;
    model.metadata["output_activation"] = activations.back();
}

}  // namespace

std::string keras_version(const std::string& metadata) {
    try {
        return parse(metadata).value("keras_version", "");
    } catch (const json::exception&) {
        return "";
    }
}

void apply_keras_config(ModelFile& model, const std::string& text, const std::string& version) {
    try {
        const json parsed = parse(text);
        const json config = parsed.value("config", json::object());
        const json layers = config.is_array() ? config : config.value("layers", json::array());
        const json outputs = config.is_array() ? json() : config.value("output_layers", json());
        const bool is_version_3 = version.starts_with("3.");
        check_is_chain(model, layers, outputs);
        fill_metadata(model, dense_activations(model, layers, is_version_3));
    } catch (const json::exception&) {
        fail(ExitCode::bad_input, "the configuration of the Keras model cannot be read ({}): save it again",
             model.path);
    }
}

}  // namespace tangram
