#include "tensor_roles.hpp"

#include "node_order.hpp"
#include "tangram/input/tensor_choice.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace tangram::onnx_file {

namespace {

/// Entries of all copies that nodes Identity stand for.
constexpr Index most_copied = Index{1} << 28;

constexpr const char* metadata_key = "tangram.parameters";

/// Inputs of an operator that are no parameters whatever lies there: from `first` on.
struct Setting {
    const char* op_type;
    std::size_t first;
};
constexpr std::array<Setting, 6> settings{
    {{"BatchNormalization", 3}, {"Clip", 1}, {"Pad", 1}, {"Dropout", 1}, {"Resize", 1}, {"Upsample", 1}}};

bool is_setting(const Node& node, std::size_t input) {
    return std::any_of(settings.begin(), settings.end(), [&](const Setting& setting) {
        return node.op_type == setting.op_type && input >= setting.first;
    });
}

/// The exporter's list: names, with commas or line ends between them.
std::set<std::string> listed(const std::string& text) {
    std::set<std::string> names;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find_first_of(",\n", begin), text.size());
        if (end > begin) names.insert(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return names;
}

/// Names such as onnx::Conv_40: the exporter has folded operators into weights that the model does not have.
void note_folded(const std::set<std::string>& names, std::vector<std::string>& notes) {
    std::vector<std::string> folded;
    for (const std::string& name : names) {
        if (name.starts_with("onnx::")) folded.push_back(printable(name));
    }
    if (folded.empty()) return;
    notes.push_back(fmt::format(
        "{} are names that the exporter made: it has folded the network, and these are not the tensors that were trained: export it with training=TrainingMode.PRESERVE and do_constant_folding=False, the model in eval()",
        name_some(folded)));
}

}  // namespace

Model with_tensors_of_their_own(Model model) {
    Index may_copy = most_copied;
    std::map<std::string, std::size_t> initializers;
    for (std::size_t k = 0; k < model.initializers.size(); ++k)
        initializers.emplace(model.initializers[k].name, k);
    std::vector<Node> nodes;
    for (Node& node : model.nodes) {
        const bool is_copy = node.op_type == "Identity" && node.inputs.size() == 1 &&
                             node.outputs.size() == 1 && initializers.contains(node.inputs.front());
        if (!is_copy) {
            nodes.push_back(std::move(node));
            continue;
        }
        Tensor copy = model.initializers[initializers.at(node.inputs.front())];
        copy.name = node.outputs.front();
        may_copy -= static_cast<Index>(copy.values.size());
        if (may_copy < 0) {
            fail(ExitCode::bad_input, "{}: {}: too many copies of large initializers: export the model again",
                 model.path, place_of(node));
        }
        initializers.emplace(copy.name, model.initializers.size());
        model.initializers.push_back(std::move(copy));
    }
    model.nodes = std::move(nodes);
    return model;
}

TensorRoles roles_of_tensors(const Model& model, const std::vector<const Node*>& nodes,
                             const GraphOptions& options) {
    std::set<std::string> floating, used;
    for (const Tensor& tensor : model.initializers) {
        if (tensor.type == Type::number) floating.insert(tensor.name);
    }
    for (const Node* node : nodes) {
        for (std::size_t k = 0; k < node->inputs.size(); ++k) {
            if (floating.contains(node->inputs[k]) && !is_setting(*node, k)) used.insert(node->inputs[k]);
        }
    }
    require_that_patterns_match(options, used, model.path);
    const auto entry = model.metadata.find(metadata_key);
    const std::set<std::string> exported = entry == model.metadata.end() ? used : listed(entry->second);
    TensorRoles roles;
    for (const std::string& name : used) {
        const bool counts = options.wrt.empty() ? exported.contains(name) : matches_any(name, options.wrt);
        if (counts && !matches_any(name, options.frozen)) roles.parameters.insert(name);
    }
    note_folded(roles.parameters, roles.notes);
    if (entry == model.metadata.end() && options.wrt.empty() && options.frozen.empty()) {
        roles.notes.push_back(fmt::format(
            "{} tensors count as parameters: the file does not say which of them are buffers or frozen: --wrt and --frozen do",
            roles.parameters.size()));
    }
    return roles;
}

}  // namespace tangram::onnx_file
