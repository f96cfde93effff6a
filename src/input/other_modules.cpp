// Tensors that belong to anything but fully connected layers: told apart by name and shape, as far as that goes.

#include "chain_modules.hpp"
#include "tangram/network/other_networks.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <string_view>

namespace tangram {

namespace {

/// What the end of a tensor's name says that its module is; tried in this order.
struct Telltale {
    std::string_view part;  ///< of the tensor's name
    const char* what;
};

constexpr std::array<Telltale, 19> telltales{{
    {"running_mean", "a BatchNorm"},
    {"running_var", "a BatchNorm"},
    {"num_batches_tracked", "a BatchNorm"},
    {"moving_mean", "a BatchNorm"},
    {"moving_variance", "a BatchNorm"},
    {"weight_g", "a weight_norm"},
    {"weight_v", "a weight_norm"},
    {"parametrizations.weight.original0", "a weight_norm"},
    {"parametrizations.weight.original1", "a weight_norm"},
    {"parametrizations.weight.original", "a parametrization"},
    {"weight_orig", "a spectral_norm or a pruned layer"},
    {"weight_mask", "a pruned layer"},
    {"in_proj_weight", "an attention"},
    {"weight_ih_l0", "a recurrent layer"},
    {"recurrent_kernel", "a recurrent layer"},
    {"embedding", "an embedding"},
    {"embeddings", "an embedding"},
    {"gamma", "a normalization"},
    {"scale", "a normalization"},
}};

bool ends_with_part(const std::string& name, std::string_view part) {
    return name.ends_with(part) && (name.size() == part.size() || name[name.size() - part.size() - 1] == '.');
}

const Tensor* find(const ModelFile& model, const std::string& name) {
    const auto found = std::find_if(model.tensors.begin(), model.tensors.end(),
                                    [&](const Tensor& tensor) { return tensor.name == name; });
    return found == model.tensors.end() ? nullptr : &*found;
}

/// The parts of a text between `separator`s.
std::vector<std::string> parts_of(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
    return parts;
}

/// wte, tok_emb, word_embeddings, embed_tokens
bool is_embedding_name(const std::string& module) {
    const std::string last = kind_of(module);
    const std::vector<std::string> words = parts_of(last, '_');
    return last == "wte" || last == "wpe" ||
           std::any_of(words.begin(), words.end(), [](const std::string& word) {
               return word.starts_with("emb") || word.starts_with("Emb");
           });
}

/// lora_A, lora_B, lora_down, lora_up, anywhere: a part or the beginning of one.
bool is_adapter_name(const std::string& name) {
    const std::vector<std::string> parts = parts_of(name, '.');
    return std::any_of(parts.begin(), parts.end(), [](const std::string& part) {
        return part.starts_with("lora_") || part.starts_with("adapter_");
    });
}

bool has_weight(const ModelFile& model, const std::string& module) {
    return find(model, module + ".weight") != nullptr || find(model, module + ".kernel") != nullptr;
}

/// Whether another module beside this one has the same name but for `from`, once, in the place of `to`: q_proj and k_proj.
bool has_counterpart(const ModelFile& model, const std::string& module, const std::string& from,
                     const std::string& to) {
    const std::size_t start = module.size() - kind_of(module).size();
    for (std::size_t place = module.find(from, start); place != std::string::npos;
         place = module.find(from, place + 1)) {
        std::string other = module;
        if (has_weight(model, other.replace(place, from.size(), to))) return true;
    }
    return false;
}

/// By the names of modules side by side, of which each would make a chain with the others.
std::optional<std::string> by_siblings(const ModelFile& model, const Tensor& tensor) {
    if (is_adapter_name(tensor.name)) return "a low-rank adapter";
    if (!is_weight_name(tensor.name)) return std::nullopt;
    const std::string module = module_of(tensor.name), last = kind_of(module);
    if (has_counterpart(model, module, "query", "key") || has_counterpart(model, module, "q", "k") ||
        last.find("qkv") != std::string::npos || last == "query_key_value" || last == "c_attn")
        return "an attention";
    const std::vector<std::string> words = parts_of(last, '_');
    const bool is_gate = std::find(words.begin(), words.end(), "gate") != words.end();
    const bool has_gated = std::any_of(model.tensors.begin(), model.tensors.end(), [&](const Tensor& other) {
        return is_weight_name(other.name) && other.name != tensor.name && other.shape == tensor.shape;
    });
    return is_gate && has_gated ? std::optional<std::string>("a gated layer") : std::nullopt;
}

/// By the shape of a module's weight and bias.
std::optional<std::string> by_shape(const ModelFile& model, const Tensor& tensor) {
    if (!is_weight_name(tensor.name)) return std::nullopt;
    const std::string module = module_of(tensor.name);
    const Tensor* bias = find(model, module.empty() ? "bias" : module + ".bias");
    const std::size_t axes = tensor.shape.size();
    if (axes == 3 && bias != nullptr && bias->shape.size() == 2)
        return fmt::format("a stack of {} layers (an ensemble)", tensor.shape[0]);
    if (axes >= 3 && axes <= 5) return "a convolution";
    if (axes == 2 && bias == nullptr && is_embedding_name(module)) return "an embedding";
    if (axes != 1) return std::nullopt;
    if (bias == nullptr) return "a PReLU, or a normalization without a shift,";
    if (bias->shape == tensor.shape) return "a normalization (LayerNorm, BatchNorm, GroupNorm)";
    return std::nullopt;
}

std::optional<std::string> by_name(const ModelFile&, const Tensor& tensor) {
    for (const Telltale& telltale : telltales) {
        if (ends_with_part(tensor.name, telltale.part)) return telltale.what;
    }
    return std::nullopt;
}

}  // namespace

std::string module_of(const std::string& tensor_name) {
    const std::size_t dot = tensor_name.rfind('.');
    return dot == std::string::npos ? "" : tensor_name.substr(0, dot);
}

std::string kind_of(const std::string& tensor_name) {
    return tensor_name.substr(tensor_name.rfind('.') + 1);  // npos + 1 == 0
}

bool is_weight_name(const std::string& tensor_name) {
    const std::string kind = kind_of(tensor_name);
    return kind == "weight" || kind == "kernel";
}

bool is_parameter_name(const std::string& tensor_name) {
    return is_weight_name(tensor_name) || kind_of(tensor_name) == "bias";
}

std::string where(const std::string& path, const Tensor& tensor) {
    return fmt::format("{}:{}, {}", path, printable(tensor.name), shape_text(tensor.shape));
}

std::string name_and_shape(const Tensor& tensor) {
    return fmt::format("{} {}", printable(tensor.name), shape_text(tensor.shape));
}

void refuse_other_modules(const ModelFile& model) {
    // Names tell more: a BatchNorm from a LayerNorm.
    for (const auto& kind_of_module : {by_name, by_siblings, by_shape}) {
        for (const Tensor& tensor : model.tensors) {
            const std::optional<std::string> what = kind_of_module(model, tensor);
            if (!what) continue;
            fail(
                ExitCode::bad_input,
                "{} is in the model ({}): a state_dict does not tell what such a module does with its tensors; {}",
                *what, where(model.path, tensor), a_graph_tells);
        }
    }
}

}  // namespace tangram
