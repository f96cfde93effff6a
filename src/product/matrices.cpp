#include "tangram/product/matrices.hpp"

#include "tangram/tangent/forms.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

namespace tangram {

namespace {

/// The operator that ends the node's layer, where exactly that consumes its output, as chains have it.
const Operator* end_of_layer(const Network& network, const Node& node) {
    const Operator* behind = nullptr;
    for (const Node& other : network.nodes) {
        for (const Index input : other.inputs) {
            if (input != node.output) continue;
            if (behind != nullptr) return nullptr;
            behind = &other.op;
            if (!output_scale_of(*behind)) return nullptr;
        }
    }
    return behind;
}

/// The operator and the name of the node that takes a value first; of none that counts, its own.
std::pair<std::string, std::string> first_use_of(const Network& network, Index value) {
    for (const Node& node : network.nodes) {
        if (std::find(node.inputs.begin(), node.inputs.end(), value) == node.inputs.end()) continue;
        // What moves entries only is on the way to its use.
        if (std::holds_alternative<Arrange>(node.op)) return first_use_of(network, node.output);
        return {name_of(node.op), node.name};
    }
    return {"none", ""};
}

void append(std::vector<Attribute>& attributes, const std::vector<Attribute>& more) {
    attributes.insert(attributes.end(), more.begin(), more.end());
}

Attribute symmetric_attribute(bool symmetric) {
    return {"symmetric", Index{symmetric ? 1 : 0}};
}

std::vector<Attribute> describe_component(const Network& network, const Step& step, Index layer,
                                          const StepTensor& its, bool symmetric) {
    const Node& node = network.nodes[at(step.node)];
    const ParameterTensor& tensor = network.tensors[at(its.tensor)];
    std::vector<Attribute> attributes{symmetric_attribute(symmetric),
                                      {"layer", layer},
                                      {"tensor", tensor.name},
                                      {"long_name", "component of " + tensor.name},
                                      {"n_parameters", tensor.size()}};
    const bool is_table = step.form == Form::lookup || step.form == Form::stored;
    if (is_table || std::holds_alternative<Parameter>(node.op)) {
        const auto [op, user] = is_table ? std::pair<std::string, std::string>(name_of(node.op), node.name)
                                         : first_use_of(network, node.output);
        append(attributes, {{"form", std::string(facts_of(step.form).name)},
                            {"operator", op},
                            {"node", user},
                            {"shape", fmt::format("({})", fmt::join(tensor.shape, ", "))},
                            {"is_bias", Index{is_bias(network, step, its) ? 1 : 0}}});
        return attributes;
    }
    append(attributes,
           {{"fan_in", network.values[at(step.x)].size}, {"fan_out", network.values[at(step.s)].size}});
    const Operator* behind = end_of_layer(network, node);
    if (behind != nullptr) attributes.push_back({"activation", function_of(*behind)});
    attributes.push_back({its.is_bias ? "bias_scale" : "weight_scale", its.scale});
    if (behind != nullptr) attributes.push_back({"output_scale", *output_scale_of(*behind)});
    return attributes;
}

/// [step]: whether the conjugate kernel of what its weight is applied to is stored; the last one is that of the weight that is
/// applied last.
std::vector<bool> stored_conjugates(const std::vector<Step>& steps, ConjugateKernels wanted) {
    std::vector<bool> stored(steps.size(), false);
    std::optional<std::size_t> last;
    for (std::size_t k = 0; k < steps.size(); ++k) {
        if (!steps[k].weighted) continue;
        stored[k] = wanted == ConjugateKernels::all;
        if (!last || steps[k].use > steps[*last].use) last = k;
    }
    if (last && wanted == ConjugateKernels::last) stored[*last] = true;
    return stored;
}

/// The longest that a dataset may be called, in bytes; netCDF's limit is 256.
constexpr std::size_t longest_name = 200;

/// One that HDF5 and netCDF take: '/' would make groups, and a leading dot or a control character is no name there.
std::string dataset_name(const std::string& tensor) {
    std::string name;
    for (const char c : tensor) {
        const auto code = static_cast<unsigned char>(c == '/' ? '.' : c);
        if (code < 32 || code == 127 || (code == '.' && name.empty()))
            name += fmt::format("%{:02x}", code);
        else
            name += static_cast<char>(code);
    }
    if (name.size() <= longest_name) return name.empty() ? "%00" : name;
    std::size_t end = longest_name;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U)
        --end;  // no part of a character
    return name.substr(0, end);
}

std::vector<std::string> names_of_layers(const Network& network, const std::vector<Step>& steps) {
    std::vector<std::string> names;
    for (const Step& step : steps) names.push_back(network.nodes[at(step.use)].name);
    return names;
}

template <class Holds>
std::optional<Index> find_matrix(const Shape& shape, Holds holds) {
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        if (holds(shape.matrices[m])) return static_cast<Index>(m);
    }
    return std::nullopt;
}

}  // namespace

void keep_inputs_of_weights(ConjugateKernels wanted, const Reduction& reduction, Network& network) {
    const std::vector<Step> steps = steps_of(network, reduction);
    const std::vector<bool> stored = stored_conjugates(steps, wanted);
    for (std::size_t k = 0; k < steps.size(); ++k) {
        if (auto* parameter = std::get_if<Parameter>(&network.nodes[at(steps[k].node)].op))
            parameter->keeps_input = stored[k];
    }
}

std::vector<std::string> dataset_names(const std::vector<std::string>& names) {
    std::set<std::string> taken;
    std::vector<std::string> datasets;
    for (const std::string& name : names) {
        const std::string plain = dataset_name(name);
        std::string unique = plain;
        for (int k = 2; !taken.insert(unique).second; ++k) unique = fmt::format("{}~{}", plain, k);
        datasets.push_back(unique);
    }
    return datasets;
}

std::vector<std::string> tensor_datasets(const Network& network) {
    std::vector<std::string> names;
    for (const ParameterTensor& tensor : network.tensors) names.push_back(tensor.name);
    return dataset_names(names);
}

bool is_bias(const Network& network, const Step& step, const StepTensor& its) {
    const Node& node = network.nodes[at(step.node)];
    if (!std::holds_alternative<Parameter>(node.op)) return its.is_bias;
    return network.tensors[at(its.tensor)].shape.size() <= 1 &&
           first_use_of(network, node.output).first == name_of(Add{});
}

std::vector<StoredMatrix> sample_matrices(const Problem& problem, bool symmetric) {
    const Network& network = problem.network;
    const Index rows = problem.reduction.rows_per_sample();
    const std::vector<Step> steps = steps_of(network, problem.reduction);
    const std::vector<bool> conjugates = stored_conjugates(steps, problem.conjugate_kernels);
    const std::vector<std::string> tensors = tensor_datasets(network);
    const std::vector<std::string> layers = dataset_names(names_of_layers(network, steps));
    std::vector<StoredMatrix> matrices;
    for (std::size_t k = 0; k < steps.size(); ++k) {
        const Step& step = steps[k];
        const auto layer = static_cast<Index>(k) + 1;
        const std::string& name = network.nodes[at(step.use)].name;
        if (conjugates[k] && holds_input(network, step)) {
            matrices.push_back({Role::other,
                                "/conjugate_kernels/" + layers[k],
                                name,
                                1,
                                static_cast<Index>(k),
                                {symmetric_attribute(symmetric),
                                 {"layer", layer},
                                 {"layer_name", name},
                                 {"long_name", fmt::format("conjugate kernel that enters layer {}", name)}}});
        }
        if (!problem.components) continue;
        for (const StepTensor& its : step.tensors) {
            const std::string& tensor = network.tensors[at(its.tensor)].name;
            matrices.push_back({Role::component, "/components/" + tensors[at(its.tensor)], tensor, rows,
                                its.tensor, describe_component(network, step, layer, its, symmetric)});
        }
    }
    matrices.push_back(
        {Role::total,
         "/ntk",
         "ntk",
         rows,
         0,
         {symmetric_attribute(symmetric), {"long_name", std::string("empirical neural tangent kernel")}}});
    return matrices;
}

std::vector<StoredArray> output_arrays(const Problem& problem) {
    std::vector<StoredArray> arrays;
    if (problem.network.gradients_are_given) return arrays;
    arrays.push_back({outputs_path, problem.samples.count, problem.network.outputs()});
    if (problem.test) arrays.push_back({test_outputs_path, problem.test->count, problem.network.outputs()});
    return arrays;
}

std::optional<Index> component_of(const Shape& shape, Index tensor) {
    return find_matrix(shape, [&](const StoredMatrix& m) { return m.is_component() && m.source == tensor; });
}

std::optional<Index> conjugate_matrix_of(const Shape& shape, Index step) {
    return find_matrix(shape,
                       [&](const StoredMatrix& m) { return m.role == Role::other && m.source == step; });
}

}  // namespace tangram
