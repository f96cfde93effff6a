#include "tangram/network/chain.hpp"

#include "tangram/network/frozen_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace tangram {

namespace {

using Names = std::set<std::string>;

/// Which of a layer's tensors are parameters.
struct Counting {
    bool weight, bias;
};

Counting counting_of(const Layer& layer, const Names& frozen) {
    return {!frozen.contains(layer.weight_name), layer.has_bias() && !frozen.contains(layer.bias_name)};
}

Index parameters_of(const Layer& layer, const Names& frozen) {
    const Counting counts = counting_of(layer, frozen);
    return (counts.weight ? layer.weight.size() : 0) +
           (counts.bias ? static_cast<Index>(layer.bias.size()) : 0);
}

/// Its tensors that do not count, for people.
std::string frozen_in(const Layer& layer, const Names& frozen) {
    const Counting counts = counting_of(layer, frozen);
    const bool bias = layer.has_bias() && !counts.bias;
    if (counts.weight) return bias ? "bias" : "-";
    return bias ? "weight, bias" : "weight";
}

/// What follows the layer's Dense.
Operator last_operator(const Layer& layer) {
    if (layer.softmax) return Softmax{layer.softmax->logarithm, layer.output_scale};
    return Activate{layer.activation, layer.output_scale};
}

bool is_scaled(const Layer& layer) {
    return layer.weight_scale != 1 || layer.bias_scale != 1 || layer.output_scale != 1;
}

struct Column {
    const char* title;
    bool numeric = false;  ///< aligned to the right
    std::vector<std::string> cells;
};

std::string align(const std::vector<Column>& columns) {
    std::string table;
    const std::size_t rows = columns.front().cells.size();
    for (std::size_t line = 0; line <= rows; ++line) {
        std::string text;
        for (const Column& column : columns) {
            std::size_t width = std::string_view(column.title).size();
            for (const std::string& cell : column.cells) width = std::max(width, cell.size());
            const std::string cell = line == 0 ? column.title : column.cells[line - 1];
            text += fmt::format("{}{:{}}{}", text.empty() ? "" : "  ", column.numeric ? "" : cell,
                                column.numeric ? width - cell.size() : width, column.numeric ? cell : "");
        }
        text.erase(text.find_last_not_of(' ') + 1);
        table += text + "\n";
    }
    return table;
}

}  // namespace

Index Chain::parameters() const {
    Index total = 0;
    for (const Layer& layer : layers) total += parameters_of(layer, {});
    return total;
}

std::string to_table(const Chain& chain) {
    return to_table(chain, {});
}

std::string to_table(const Chain& chain, const std::set<std::string>& frozen) {
    std::vector<Column> columns{{"layer", true, {}},     {"name", false, {}},       {"in", true, {}},
                                {"out", true, {}},       {"activation", false, {}}, {"bias", false, {}},
                                {"parameters", true, {}}};
    Column frozen_tensors{"frozen", false, {}};
    Index parameters = 0;
    std::array<Column, 3> scales{{{"a", true, {}}, {"b", true, {}}, {"c", true, {}}}};
    for (const Layer& layer : chain.layers) {
        const std::array<std::string, 7> cells{fmt::format("{}", columns[0].cells.size() + 1),
                                               layer.name,
                                               fmt::format("{}", layer.fan_in()),
                                               fmt::format("{}", layer.fan_out()),
                                               function_of(last_operator(layer)),
                                               layer.has_bias() ? "yes" : "no",
                                               fmt::format("{}", parameters_of(layer, frozen))};
        for (std::size_t i = 0; i < cells.size(); ++i) columns[i].cells.push_back(cells[i]);
        frozen_tensors.cells.push_back(frozen_in(layer, frozen));
        parameters += parameters_of(layer, frozen);
        scales[0].cells.push_back(fmt::format("{:.6g}", layer.weight_scale));
        scales[1].cells.push_back(layer.has_bias() ? fmt::format("{:.6g}", layer.bias_scale) : "-");
        scales[2].cells.push_back(fmt::format("{:.6g}", layer.output_scale));
    }
    if (!frozen.empty()) columns.insert(columns.end() - 1, frozen_tensors);
    const bool scaled = std::any_of(chain.layers.begin(), chain.layers.end(), is_scaled);
    if (scaled) columns.insert(columns.end() - 1, scales.begin(), scales.end());
    return align(columns) + fmt::format("{} layers, {} inputs, {} outputs, {} parameters\n", chain.depth(),
                                        chain.inputs(), chain.outputs(), parameters);
}

namespace {

Index add_weight(Network& network, Layer& layer) {
    const std::vector<Index> shape{layer.fan_out(), layer.fan_in()};
    return add_tensor(network, layer.weight_name, shape, std::move(layer.weight));
}

Index add_bias(Network& network, const Layer& layer) {
    const auto width = static_cast<Index>(layer.bias.size());
    Matrix<double> bias(width, 1);
    std::copy(layer.bias.begin(), layer.bias.end(), bias.data());
    return add_tensor(network, layer.bias_name, {width}, std::move(bias));
}

Index add_constant(Network& network, const std::string& name, std::vector<double> values) {
    const auto size = static_cast<Index>(values.size());
    return add_node(network, Constant{std::make_shared<const std::vector<double>>(std::move(values))}, name,
                    {}, {}, size);
}

/// a W x, W frozen.
Index add_constant_product(Network& network, const Layer& layer, Index x) {
    const Matrix<double>& W = layer.weight;
    const Index constant = add_constant(network, layer.weight_name, {W.data(), W.data() + W.size()});
    MatMul product{.rows = 1,
                   .inner = W.cols(),
                   .cols = W.rows(),
                   .b_transposed = true,
                   .scale = layer.weight_scale,
                   .a_of = {0},
                   .b_of = {0}};
    return add_node(network, std::move(product), layer.name, {x, constant}, {}, W.rows());
}

/// z + b B, B frozen or not.
Index add_bias_alone(Network& network, Layer& layer, Index z, bool counts) {
    const Index width = network.values[at(z)].size;
    const Index B =
        counts ? add_node(network, Parameter{}, layer.bias_name, {}, {add_bias(network, layer)}, width)
               : add_constant(network, layer.bias_name, std::move(layer.bias));
    return add_node(network, Add{layer.bias_scale}, layer.name, {z, B}, {}, width);
}

/// z = a W x + b B
Index add_preactivation(Network& network, Layer& layer, Index x, const Counting& counts) {
    const Index width = layer.fan_out();
    const bool bias_apart = layer.has_bias() && counts.weight != counts.bias;
    if (!counts.weight) {
        const Index product = add_constant_product(network, layer, x);
        return layer.has_bias() ? add_bias_alone(network, layer, product, counts.bias) : product;
    }
    std::vector<Index> tensors{add_weight(network, layer)};
    if (layer.has_bias() && !bias_apart) tensors.push_back(add_bias(network, layer));
    const Index z =
        add_node(network, Dense{layer.weight_scale, layer.bias_scale}, layer.name, {x}, tensors, width);
    return bias_apart ? add_bias_alone(network, layer, z, counts.bias) : z;
}

Index add_layer(Network& network, Layer layer, Index x, const Names& frozen) {
    const Index width = layer.fan_out();
    const Index z = add_preactivation(network, layer, x, counting_of(layer, frozen));
    return add_node(network, last_operator(layer), layer.name, {z}, {}, width);
}

}  // namespace

Network make_network(Chain chain) {
    return make_network(std::move(chain), {});
}

Network make_network(Chain chain, const std::set<std::string>& frozen) {
    Network network;
    network.values.push_back({"input", chain.inputs()});
    Index x = network.input;
    for (Layer& layer : chain.layers) x = add_layer(network, std::move(layer), x, frozen);
    network.output = x;
    return network;
}

}  // namespace tangram
