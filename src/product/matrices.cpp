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
                                      {"long_name", "component of " + tensor.name},
                                      {"n_parameters", tensor.size()}};
    if (step.form == Form::rows || step.form == Form::lookup) {
        const auto [op, user] = step.form == Form::rows
                                    ? first_use_of(network, node.output)
                                    : std::pair<std::string, std::string>(name_of(node.op), node.name);
        append(attributes, {{"tensor", tensor.name},
                            {"form", std::string(facts_of(step.form).name)},
                            {"operator", op},
                            {"node", user},
                            {"shape", fmt::format("({})", fmt::join(tensor.shape, ", "))}});
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

bool stores_conjugate(ConjugateKernels wanted, bool last) {
    return wanted == ConjugateKernels::all || (wanted == ConjugateKernels::last && last);
}

/// Names of datasets for names of tensors: '/' would make groups, and a leading dot or a control character is no name.
class DatasetNames {
public:
    std::string of(const std::string& tensor) {
        std::string name;
        for (const char c : tensor) {
            const auto code = static_cast<unsigned char>(c);
            if (code < 32 || code == 127 || (c == '.' && name.empty()))
                name += fmt::format("%{:02x}", code);
            else
                name += c == '/' ? '.' : c;
        }
        std::string unique = name;
        for (int k = 2; !taken_.insert(unique).second; ++k) unique = fmt::format("{}~{}", name, k);
        return unique;
    }

private:
    std::set<std::string> taken_;
};

template <class Holds>
std::optional<Index> find_matrix(const Shape& shape, Holds holds) {
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        if (holds(shape.matrices[m])) return static_cast<Index>(m);
    }
    return std::nullopt;
}

}  // namespace

std::vector<StoredMatrix> sample_matrices(const Problem& problem, bool symmetric) {
    const Network& network = problem.network;
    const Index rows = problem.reduction.rows_per_sample();
    const std::vector<Step> steps = steps_of(network);
    std::vector<StoredMatrix> matrices;
    DatasetNames names;
    for (std::size_t k = 0; k < steps.size(); ++k) {
        const Step& step = steps[k];
        const auto layer = static_cast<Index>(k) + 1;
        const std::string& name = network.nodes[at(step.node)].name;
        if (facts_of(step.form).makes_conjugate &&
            stores_conjugate(problem.conjugate_kernels, k + 1 == steps.size())) {
            matrices.push_back({Role::other,
                                "/conjugate_kernels/" + name,
                                name,
                                1,
                                static_cast<Index>(k),
                                {symmetric_attribute(symmetric),
                                 {"layer", layer},
                                 {"long_name", fmt::format("conjugate kernel that enters layer {}", name)}}});
        }
        if (!problem.components) continue;
        for (const StepTensor& its : step.tensors) {
            const std::string& tensor = network.tensors[at(its.tensor)].name;
            matrices.push_back({Role::component, "/components/" + names.of(tensor), tensor, rows, its.tensor,
                                describe_component(network, step, layer, its, symmetric)});
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

std::optional<Index> component_of(const Shape& shape, Index tensor) {
    return find_matrix(shape, [&](const StoredMatrix& m) { return m.is_component() && m.source == tensor; });
}

std::optional<Index> conjugate_matrix_of(const Shape& shape, Index step) {
    return find_matrix(shape,
                       [&](const StoredMatrix& m) { return m.role == Role::other && m.source == step; });
}

}  // namespace tangram
