#include "case.hpp"

#include "input/onnx/tidy.hpp"

#include <fmt/format.h>

#include <utility>

namespace tangram::test {

using namespace onnx_file;

namespace {

std::vector<Array> read_arrays(const h5::Handle& file, const std::string& group) {
    std::vector<Array> arrays;
    for (const std::string& name : h5::list_datasets(h5::open_group(file, group))) {
        const h5::Handle dataset = h5::open_dataset(file, fmt::format("{}/{}", group, name));
        arrays.push_back(
            {h5::read_text_attribute(dataset, "name"), h5::shape(dataset), h5::read_doubles(dataset)});
    }
    return arrays;
}

/// The case's model with an Add before each input that varies, and what lower_model() wants to know of it.
struct Prepared {
    Model model;
    std::vector<GraphInput> inputs{};
    std::vector<double> sample{};
    std::set<std::string> parameters{};
};

void add_parameter(Prepared& prepared, const std::string& name, const Shape& shape,
                   std::vector<double> values) {
    if (!values.empty()) prepared.parameters.insert(name);
    prepared.model.initializers.push_back({name, shape, Type::number, std::move(values)});
}

/// x = given + theta
void add_varying(Prepared& prepared, const Array& x) {
    const std::string given = x.name + " given";
    const std::string theta = x.name + " theta";
    prepared.inputs.push_back({given, x.shape});
    prepared.sample.insert(prepared.sample.end(), x.values.begin(), x.values.end());
    add_parameter(prepared, theta, x.shape, std::vector<double>(x.values.size(), 0.0));
    prepared.model.nodes.insert(prepared.model.nodes.begin(),
                                {"Add", "", "move " + x.name, {given, theta}, {x.name}, {}});
}

Prepared prepare(const Case& its, const Variant& variant) {
    Prepared prepared{its.model};
    for (std::size_t k = 0; k < its.inputs.size(); ++k) {
        const Array& x = its.inputs[k];
        if (variant.varies[k] && !x.values.empty()) {
            add_varying(prepared, x);
        } else {
            add_parameter(prepared, x.name, x.shape, x.values);
        }
    }
    return prepared;
}

}  // namespace

std::vector<std::string> case_names(const h5::Handle& file) {
    const std::string_view last = "/model";
    std::vector<std::string> names;
    for (const std::string& dataset : h5::list_datasets(file)) {
        if (dataset.ends_with(last)) names.push_back(dataset.substr(0, dataset.size() - last.size()));
    }
    return names;
}

Case read_case(const h5::Handle& file, const std::string& name) {
    const std::vector<std::int64_t> numbers = h5::read_integers(h5::open_dataset(file, name + "/model"));
    std::string bytes;
    for (const std::int64_t number : numbers) bytes.push_back(static_cast<char>(number));
    return {name, parse(name, bytes), h5::read_real_attribute(h5::open_group(file, name), "tolerance"),
            read_arrays(file, name + "/inputs"), read_arrays(file, name + "/outputs")};
}

std::vector<Variant> variants_of(const Case& its) {
    const std::size_t inputs = its.inputs.size();
    std::vector<Variant> variants{{"all inputs vary", std::vector<bool>(inputs, true)}};
    for (std::size_t k = 0; k < inputs && inputs > 1; ++k) {
        Variant alone{its.inputs[k].name + " alone varies", std::vector<bool>(inputs, false)};
        alone.varies[k] = true;
        variants.push_back(std::move(alone));
    }
    return variants;
}

CaseNetwork make_network(const Case& its, const Variant& variant, const std::string& output) {
    Prepared prepared = prepare(its, variant);
    std::vector<const onnx_file::Node*> nodes;
    for (const onnx_file::Node& node : prepared.model.nodes) nodes.push_back(&node);
    LoweredModel lowered = lower_model(prepared.model, prepared.inputs, nodes, prepared.parameters);
    const Operand& y = lowered.values.at(output);
    if (y.is_constant()) return {.shape = y.shape, .numbers = *y.constant};
    if (lowered.network.values[at(y.value)].shared) return {.shape = y.shape, .shared = true};
    lowered.network.output = y.value;
    tidy(lowered.network);
    return {.network = std::move(lowered.network), .sample = std::move(prepared.sample), .shape = y.shape};
}

}  // namespace tangram::test
