// From named tensors to a chain of layers.

#include "chain_modules.hpp"
#include "tangram/input/layer_order.hpp"
#include "tangram/input/tensors.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Tensors that are neither: parameters of a module's own, such as log_std; or all, where they were named by hand.
void refuse_loose_tensors(const ModelFile& model) {
    const auto is_parameter = [](const Tensor& tensor) { return is_parameter_name(tensor.name); };
    const auto loose = std::find_if_not(model.tensors.begin(), model.tensors.end(), is_parameter);
    if (loose == model.tensors.end()) return;
    const bool are_all = std::none_of(model.tensors.begin(), model.tensors.end(), is_parameter);
    fail(
        ExitCode::bad_input,
        "a tensor that is neither a weight nor a bias ({}): only fully connected layers are known: {}",
        where(model.path, *loose),
        are_all
            ? "call their matrices NAME.weight if they are (out, in), NAME.kernel if they are (in, out), and the biases NAME.bias"
            : how_to_choose(model));
}

/// Names the place where the longest chain breaks.
[[noreturn]] void refuse_unchained(const ModelFile& model, const std::vector<Module>& modules,
                                   std::vector<ModuleWidths> widths, const OrderSearch& search) {
    const Tensor& last = *modules[search.longest.back()].weight;
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < modules.size(); ++i) {
        const bool used = std::find(search.longest.begin(), search.longest.end(), i) != search.longest.end();
        if (!used) rest.push_back(i);
    }
    if (search.settled_by_names) rest.resize(1);  // modules are in natural order: the one that comes next
    std::vector<std::string> rest_names;
    for (const std::size_t i : rest) rest_names.push_back(name_and_shape(*modules[i].weight));
    std::string advice = joined_inputs(modules);
    if (advice.empty()) advice = heads(modules, search.longest, rest);
    for (ModuleWidths& width : widths) std::swap(width.in, width.out);
    if (!find_orders(widths).orders.empty())
        advice = "they chain when transposed: " + std::string(mend_kernels);
    if (advice.empty()) advice = how_to_choose(model);
    fail(ExitCode::bad_input, "the layers do not chain ({}): {} gives {} values, which {} does not take: {}",
         where(model.path, last), printable(last.name), last.shape[0], name_some(rest_names), advice);
}

std::vector<Module> settle_order(const ModelFile& model, const std::vector<Module>& modules) {
    std::vector<ModuleWidths> widths;
    widths.reserve(modules.size());
    for (const Module& module : modules) widths.push_back(module.widths());
    const OrderSearch search = find_orders(widths);
    if (search.orders.size() == 2) {
        fail(ExitCode::bad_input,
             "the names do not settle the order of the layers ({}): give --layers {} or --layers {}{}",
             model.path, as_list(modules, search.orders[0]), as_list(modules, search.orders[1]),
             and_groups(model));
    }
    if (search.exhausted) {
        fail(ExitCode::bad_input, "the names do not settle the order of {} layers ({}): give --layers a,b,c",
             modules.size(), model.path);
    }
    if (search.orders.empty()) refuse_unchained(model, modules, widths, search);
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
    for (std::size_t l = 1; l < ordered.size(); ++l) {
        if (ordered[l - 1].widths().out == ordered[l].widths().in) continue;
        fail(ExitCode::bad_input,
             "the layers do not chain in the order of --layers ({}): {} is followed by {}: check the order",
             path, name_and_shape(*ordered[l - 1].weight), name_and_shape(*ordered[l].weight));
    }
    return ordered;
}

/// Throws Error(usage) where --layers names a module that has no weight.
void check_named(const ModelFile& model, const std::vector<std::string>& layer_order) {
    std::vector<std::string> known;
    for (const Tensor& tensor : model.tensors) {
        if (is_weight_name(tensor.name)) known.push_back(module_of(tensor.name));
    }
    std::sort(known.begin(), known.end(), natural_less);
    for (const std::string& name : layer_order) {
        if (name == "layer1" || std::find(known.begin(), known.end(), name) != known.end()) continue;
        fail(ExitCode::usage, "--layers: no module '{}' ({}): the model has {}", printable(name), model.path,
             name_some(known));
    }
}

/// Drops the tensors of modules that --layers does not name. Returns a line that says which, "" if none.
std::string keep_named(ModelFile& model, const std::vector<std::string>& layer_order) {
    check_named(model, layer_order);
    std::vector<std::string> dropped;
    std::erase_if(model.tensors, [&](const Tensor& tensor) {
        const std::string module = module_of(tensor.name);
        const bool is_bare = module.empty() && is_parameter_name(tensor.name);  // of a layer without a name
        const bool named =
            is_bare || std::find(layer_order.begin(), layer_order.end(), module) != layer_order.end();
        if (!named) dropped.push_back(module.empty() ? tensor.name : module);
        return !named;
    });
    std::sort(dropped.begin(), dropped.end(), natural_less);
    dropped.erase(std::unique(dropped.begin(), dropped.end()), dropped.end());
    return dropped.empty() ? "" : fmt::format("model: --layers leaves out {}", name_some(dropped));
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

Chain chain_layers(ModelFile model, const std::vector<std::string>& layer_order,
                   std::vector<std::string>* notes) {
    if (model.tensors.empty()) {
        fail(ExitCode::bad_input, "no tensors in the model ({}): export its state_dict", model.path);
    }
    std::string left_out;
    if (!layer_order.empty()) left_out = keep_named(model, layer_order);
    refuse_other_modules(model);
    std::vector<Module> modules = pair_tensors(model);
    if (layer_order.empty()) refuse_loose_tensors(model);
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
    modules = layer_order.empty() ? settle_order(model, modules) : arrange(model.path, modules, layer_order);
    refuse_shared_tensors(model, modules, layer_order.empty());
    if (layer_order.empty()) refuse_repetition(model.path, modules);
    if (notes != nullptr) {
        *notes = suspicions(modules);
        if (!left_out.empty()) notes->push_back(left_out);
    }
    Chain chain;
    for (const Module& module : modules) chain.layers.push_back(make_layer(module));
    return chain;
}

}  // namespace tangram
