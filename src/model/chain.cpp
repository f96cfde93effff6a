// From named tensors to a chain of layers.

#include "tangram/model/layer_order.hpp"
#include "tangram/model/tensors.hpp"
#include "tangram/model/text.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <map>

namespace tangram {

namespace {

/// The tensors of one module; `bias` may be missing.
struct Module {
    std::string name;
    Tensor* weight = nullptr;
    Tensor* bias = nullptr;

    [[nodiscard]] ModuleWidths widths() const { return {name, weight->shape[1], weight->shape[0]}; }
};

/// "file:fc1.weight, (128, 64)", for messages.
std::string where(const std::string& path, const Tensor& tensor) {
    return fmt::format("{}:{}, {}", path, printable(tensor.name), shape_text(tensor.shape));
}

/// "fc1.weight (128, 64)".
std::string name_and_shape(const Tensor& tensor) {
    return fmt::format("{} {}", printable(tensor.name), shape_text(tensor.shape));
}

void check_name(const std::string& path, const Tensor& tensor) {
    const std::string dotted = "." + tensor.name + ".";
    if (dotted.find("..") != std::string::npos || tensor.name.find('/') != std::string::npos ||
        printable(tensor.name) != tensor.name) {
        fail(ExitCode::bad_input,
             "a tensor's name has an empty part, a '/', a control character or too many letters ({}): "
             "rename it",
             where(path, tensor));
    }
}

/// The module that each weight and bias belongs to, in natural order. Bare `weight` and `bias` are a module
/// without a name.
std::vector<Module> pair_tensors(ModelFile& model) {
    std::map<std::string, Module, decltype(&natural_less)> modules(natural_less);
    for (Tensor& tensor : model.tensors) {
        check_name(model.path, tensor);
        const std::size_t dot = tensor.name.rfind('.');
        const std::string kind = tensor.name.substr(dot + 1);  // npos + 1 == 0
        if (kind != "weight" && kind != "bias") {
            fail(ExitCode::bad_input,
                 "a tensor that is neither a weight nor a bias ({}): only fully connected layers are known; "
                 "to use a part of the model name its module as FILE:GROUP",
                 where(model.path, tensor));
        }
        const std::string name = dot == std::string::npos ? "" : tensor.name.substr(0, dot);
        Module& module = modules.try_emplace(name, Module{name}).first->second;
        Tensor*& place = kind == "weight" ? module.weight : module.bias;
        if (place != nullptr) {
            fail(ExitCode::bad_input, "two tensors of one name ({}): rename one", where(model.path, tensor));
        }
        place = &tensor;
    }
    std::vector<Module> sorted;
    sorted.reserve(modules.size());
    for (auto& [name, module] : modules) sorted.push_back(std::move(module));
    return sorted;
}

/// The weight is (out, in), the bias (out).
void check_module(const std::string& path, const Module& module) {
    if (module.weight == nullptr) {
        fail(ExitCode::bad_input, "a bias without a weight ({}): export the whole module",
             where(path, *module.bias));
    }
    const std::vector<Index>& shape = module.weight->shape;
    if (shape.size() != 2) {
        fail(ExitCode::bad_input,
             "a weight that is not a matrix ({}): only fully connected layers, (out, in), are known, no "
             "normalization and no convolution",
             where(path, *module.weight));
    }
    if (shape[0] == 0 || shape[1] == 0) {
        fail(ExitCode::bad_input, "a weight without entries ({}): export the model again",
             where(path, *module.weight));
    }
    if (module.bias == nullptr || module.bias->shape == std::vector<Index>{shape[0]}) return;
    const bool transposed = module.bias->shape == std::vector<Index>{shape[1]};
    fail(ExitCode::bad_input, "a bias that does not fit its weight {} ({}): {}",
         name_and_shape(*module.weight), where(path, *module.bias),
         transposed ? "weights must be (out, in): transpose a Keras kernel"
                    : "store weights as (out, in) and biases as (out)");
}

std::string names_of(const std::vector<Module>& modules, const std::vector<std::size_t>& order) {
    std::vector<std::string> names;
    names.reserve(order.size());
    for (const std::size_t i : order) names.push_back(modules[i].name);
    return name_some(names);
}

/// Names the place where the longest chain breaks.
[[noreturn]] void refuse_unchained(const std::string& path, const std::vector<Module>& modules,
                                   std::vector<ModuleWidths> widths, const OrderSearch& search) {
    const Tensor& last = *modules[search.longest.back()].weight;
    std::vector<std::string> rest;
    for (std::size_t i = 0; i < modules.size(); ++i) {
        const bool used = std::find(search.longest.begin(), search.longest.end(), i) != search.longest.end();
        if (!used) rest.push_back(name_and_shape(*modules[i].weight));
    }
    if (search.settled_by_names) rest.resize(1);  // modules are in natural order: the one that comes next
    for (ModuleWidths& width : widths) std::swap(width.in, width.out);
    const bool transposed = !find_orders(widths).orders.empty();
    fail(ExitCode::bad_input, "the layers do not chain ({}): {} gives {} values, which {} does not take: {}",
         where(path, last), printable(last.name), last.shape[0], name_some(rest),
         transposed
             ? "they chain when transposed: weights must be (out, in), a Keras kernel is (in, out)"
             : "name the module that holds the network as FILE:GROUP, or give the order with --layers a,b,c");
}

std::vector<Module> settle_order(const std::string& path, const std::vector<Module>& modules) {
    std::vector<ModuleWidths> widths;
    widths.reserve(modules.size());
    for (const Module& module : modules) widths.push_back(module.widths());
    const OrderSearch search = find_orders(widths);
    if (search.orders.size() == 2) {
        fail(
            ExitCode::bad_input,
            "the names do not settle the order of the layers ({}): both {} and {} chain: give --layers a,b,c",
            path, names_of(modules, search.orders[0]), names_of(modules, search.orders[1]));
    }
    if (search.exhausted) {
        fail(ExitCode::bad_input, "the names do not settle the order of {} layers ({}): give --layers a,b,c",
             modules.size(), path);
    }
    if (search.orders.empty()) refuse_unchained(path, modules, widths, search);
    std::vector<Module> ordered;
    for (const std::size_t i : search.orders.front()) ordered.push_back(modules[i]);
    return ordered;
}

/// The modules in the order that was asked for: each of them once.
std::vector<Module> arrange(const std::string& path, const std::vector<Module>& modules,
                            const std::vector<std::string>& layer_order) {
    std::vector<std::string> known;
    known.reserve(modules.size());
    for (const Module& module : modules) known.push_back(module.name);
    std::vector<Module> ordered;
    for (const std::string& name : layer_order) {
        const auto found = std::find(known.begin(), known.end(), name);
        if (found == known.end()) {
            fail(ExitCode::usage, "--layers: no module '{}' ({}): the model has {}", printable(name), path,
                 name_some(known));
        }
        const Module& module = modules[static_cast<std::size_t>(found - known.begin())];
        const bool twice = std::any_of(ordered.begin(), ordered.end(),
                                       [&](const Module& other) { return other.name == name; });
        if (twice) {
            fail(ExitCode::usage, "--layers: the module '{}' is named twice ({}): name each once", name,
                 path);
        }
        ordered.push_back(module);
    }
    std::erase_if(known, [&](const std::string& name) {
        return std::find(layer_order.begin(), layer_order.end(), name) != layer_order.end();
    });
    if (!known.empty()) {
        fail(ExitCode::usage, "--layers leaves out {} ({}): name every module once", name_some(known), path);
    }
    for (std::size_t l = 1; l < ordered.size(); ++l) {
        if (ordered[l - 1].widths().out == ordered[l].widths().in) continue;
        fail(ExitCode::bad_input,
             "the layers do not chain in the order of --layers ({}): {} is followed by {}: check the order",
             path, name_and_shape(*ordered[l - 1].weight), name_and_shape(*ordered[l].weight));
    }
    return ordered;
}

/// Takes the values out of the tensors, so that no more than one weight exists twice.
Layer make_layer(const Module& module) {
    Layer layer;
    layer.name = module.name;
    layer.weight_name = module.weight->name;
    layer.weight = Matrix<double>(module.weight->shape[0], module.weight->shape[1]);
    std::copy(module.weight->values.begin(), module.weight->values.end(), layer.weight.data());
    module.weight->values = {};
    if (module.bias != nullptr) {
        layer.bias_name = module.bias->name;
        layer.bias = std::move(module.bias->values);
    }
    return layer;
}

}  // namespace

Network chain_layers(ModelFile model, const std::vector<std::string>& layer_order) {
    if (model.tensors.empty()) {
        fail(ExitCode::bad_input, "no tensors in the model ({}): export its state_dict", model.path);
    }
    std::vector<Module> modules = pair_tensors(model);
    for (Module& module : modules) {
        check_module(model.path, module);
        if (!module.name.empty()) continue;
        if (modules.size() > 1) {
            fail(ExitCode::bad_input,
                 "a weight without a module beside layers that have one ({}): name its module",
                 where(model.path, *module.weight));
        }
        module.name = "layer1";
    }
    modules =
        layer_order.empty() ? settle_order(model.path, modules) : arrange(model.path, modules, layer_order);
    Network network;
    for (const Module& module : modules) network.layers.push_back(make_layer(module));
    return network;
}

}  // namespace tangram
