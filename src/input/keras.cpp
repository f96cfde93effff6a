#include "keras.hpp"

#include "tangram/input/layer_order.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <map>

namespace tangram {

namespace {

/// The texts of an attribute; none where there is no such attribute.
std::vector<std::string> texts_of_attribute(const h5::Handle& object, const char* name) {
    return h5::has_text_attribute(object, name) ? h5::read_texts_attribute(object, name)
                                                : std::vector<std::string>{};
}

/// "kernel" of "dense/dense/kernel:0".
std::string last_part(const std::string& path) {
    const std::string last = path.substr(path.rfind('/') + 1);
    return last.substr(0, last.rfind(':'));
}

std::string parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

/// The tensors of one layer of version 2: under its group is one that repeats its name.
void read_layer_2(const h5::Handle& root, const std::string& layer, const ReadTensor& read,
                  ModelFile& model) {
    if (!h5::exists(root, layer)) return;
    const std::vector<std::string> links = h5::list_datasets(h5::open_group(root, layer));
    const bool is_one = std::all_of(links.begin(), links.end(), [&](const std::string& link) {
        return parent(link) == parent(links.front());
    });
    for (const std::string& link : links) {
        std::string name = is_one ? layer : fmt::format("{}/{}", layer, parent(link));
        std::replace(name.begin(), name.end(), '/', '.');
        model.tensors.push_back(
            read(fmt::format("{}.{}", name, last_part(link)), fmt::format("{}/{}", layer, link)));
    }
}

/// "dense" of "layers/dense/vars/0"; the groups between have no names of the user's.
std::string module_of_vars(const std::string& group) {
    std::string name;
    for (std::size_t start = 0; start <= group.size();) {
        const std::size_t slash = std::min(group.find('/', start), group.size());
        const std::string part = group.substr(start, slash - start);
        if (part != "layers" && part != "vars" && part != "_layer_checkpoint_dependencies")
            name += (name.empty() ? "" : ".") + part;
        start = slash + 1;
    }
    return name;
}

/// The tensors of version 3: layers/<name>/vars/0, 1, .., by number. Those of a dense layer are its kernel and its bias.
void read_layers_3(const h5::Handle& root, const std::string& top, const ReadTensor& read, ModelFile& model) {
    std::map<std::string, std::vector<std::string>, decltype(&natural_less)> groups(natural_less);
    for (const std::string& link : h5::list_datasets(h5::open_group(root, top)))
        groups[parent(fmt::format("{}/{}", top, link))].push_back(fmt::format("{}/{}", top, link));
    for (auto& [group, links] : groups) {
        std::sort(links.begin(), links.end(), natural_less);
        const bool has_kernel = h5::shape(h5::open_dataset(root, links.front())).size() > 1;
        for (std::size_t k = 0; k < links.size(); ++k) {
            const std::string kind = !has_kernel ? "gamma"
                                     : k == 0    ? "kernel"
                                     : k == 1    ? "bias"
                                                 : "recurrent_kernel";
            model.tensors.push_back(read(module_of_vars(group) + "." + kind, links[k]));
        }
    }
}

/// Names that Keras counted, dense, dense_1, dense_2, by their numbers: "dense" is the first.
std::vector<std::string> counted_order(const ModelFile& model) {
    std::vector<std::string> names;
    for (const Tensor& tensor : model.tensors) {
        if (tensor.name.ends_with(".kernel")) names.push_back(tensor.name.substr(0, tensor.name.size() - 7));
    }
    const auto number = [&](const std::string& name) {
        const std::size_t digits = name.find_last_not_of("0123456789") + 1;
        const bool is_counted = digits < name.size() && digits > 0 && name[digits - 1] == '_';
        return is_counted ? name : name + "_0";
    };
    std::sort(names.begin(), names.end(),
              [&](const std::string& a, const std::string& b) { return natural_less(number(a), number(b)); });
    for (std::size_t k = 1; k < names.size(); ++k) {
        if (!precedes(number(names[k - 1]), number(names[k]))) return {};
    }
    return names;
}

void set_order(ModelFile& model, const std::vector<std::string>& names) {
    std::string order;
    for (const std::string& name : names) {
        if (name.find(',') != std::string::npos) return;
        order += (order.empty() ? "" : ",") + name;
    }
    if (!order.empty()) model.metadata["layers"] = order;
}

/// The layers of version 2 that have a kernel, in the order of the model.
std::vector<std::string> with_kernel(const ModelFile& model, const std::vector<std::string>& layers) {
    std::vector<std::string> names;
    for (const std::string& layer : layers) {
        if (std::any_of(model.tensors.begin(), model.tensors.end(),
                        [&](const Tensor& tensor) { return tensor.name == layer + ".kernel"; }))
            names.push_back(layer);
    }
    return names;
}

}  // namespace

bool is_keras(const h5::Handle& root) {
    if (h5::exists(root, "model_weights") || H5Aexists(root.get(), "layer_names") > 0) return true;
    for (const char* top : {"layers", "_layer_checkpoint_dependencies"}) {
        if (!h5::exists(root, top)) continue;
        const h5::Handle object = h5::open_item(root, top);
        if (H5Iget_type(object.get()) != H5I_GROUP) continue;
        const std::vector<std::string> links = h5::list_datasets(object);
        if (std::any_of(links.begin(), links.end(),
                        [](const std::string& link) { return link.ends_with("/vars/0"); }))
            return true;
    }
    return false;
}

ModelFile read_keras(const std::string& path, const h5::Handle& root, const ReadTensor& read) {
    ModelFile model{path, {}, {}};
    const bool is_whole = h5::exists(root, "model_weights");
    const h5::Handle weights = h5::open_item(root, is_whole ? "model_weights" : ".");
    const std::vector<std::string> layers = texts_of_attribute(weights, "layer_names");
    if (!layers.empty()) {
        const std::string below = is_whole ? "model_weights/" : "";
        const ReadTensor read_below = [&](const std::string& name, const std::string& link) {
            return read(name, below + link);
        };
        for (const std::string& layer : layers) read_layer_2(weights, layer, read_below, model);
        set_order(model, with_kernel(model, layers));
    } else {
        const bool is_old = !h5::exists(root, "layers");
        read_layers_3(root, is_old ? "_layer_checkpoint_dependencies" : "layers", read, model);
        set_order(model, counted_order(model));
    }
    const std::vector<std::string> config = texts_of_attribute(root, "model_config");
    if (config.empty()) return model;
    const std::vector<std::string> version = texts_of_attribute(root, "keras_version");
    apply_keras_config(model, config.front(), version.empty() ? "" : version.front());
    return model;
}

}  // namespace tangram
