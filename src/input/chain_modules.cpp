#include "chain_modules.hpp"

#include "tangram/network/other_networks.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <map>

namespace tangram {

namespace {

void check_name(const std::string& path, const Tensor& tensor) {
    constexpr std::size_t longest = 250;
    const std::string dotted = "." + tensor.name + ".";
    const char* what = nullptr;
    if (dotted.find("..") != std::string::npos) what = "an empty part between two dots";
    if (tensor.name.empty()) what = "no letter";
    if (tensor.name.find('/') != std::string::npos) what = "a '/', which separates groups in the output";
    if (tensor.name.size() > longest) what = "more than 250 letters";
    if (what == nullptr && printable(tensor.name) != tensor.name) what = "a control character";
    if (what != nullptr)
        fail(ExitCode::bad_input, "a tensor's name has {} ({}): rename it", what, where(path, tensor));
}

}  // namespace

std::vector<Module> pair_tensors(ModelFile& model) {
    std::map<std::string, Module, decltype(&natural_less)> modules(natural_less);
    for (Tensor& tensor : model.tensors) {
        check_name(model.path, tensor);
        const bool is_weight = is_weight_name(tensor.name);
        if (!is_weight && kind_of(tensor.name) != "bias") continue;
        const std::string name = module_of(tensor.name);
        Module& module = modules.try_emplace(name, Module{name}).first->second;
        Tensor*& place = is_weight ? module.weight : module.bias;
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

void check_module(const std::string& path, const Module& module) {
    if (module.weight == nullptr) {
        fail(ExitCode::bad_input, "a bias without a weight ({}): export the whole module",
             where(path, *module.bias));
    }
    const std::vector<Index>& shape = module.weight->shape;
    if (shape.size() != 2) {
        fail(
            ExitCode::bad_input,
            "a weight that is not a matrix ({}): only fully connected layers, (out, in), are known: a state_dict does not tell what another module does; {}",
            where(path, *module.weight), a_graph_tells);
    }
    if (shape[0] == 0 || shape[1] == 0) {
        fail(ExitCode::bad_input, "a weight without entries ({}): export the model again",
             where(path, *module.weight));
    }
    if (module.bias == nullptr || module.bias->shape == std::vector<Index>{shape[0]}) return;
    const bool transposed = module.bias->shape == std::vector<Index>{shape[1]};
    fail(ExitCode::bad_input, "a bias that does not fit its weight {} ({}): {}",
         name_and_shape(*module.weight), where(path, *module.bias),
         transposed ? mend_kernels : "store weights as (out, in) and biases as (out)");
}

}  // namespace tangram
