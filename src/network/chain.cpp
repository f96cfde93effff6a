#include "tangram/network/chain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tangram {

namespace {

Index parameters_of(const Layer& layer) {
    return layer.weight.size() + static_cast<Index>(layer.bias.size());
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
    for (const Layer& layer : layers) total += parameters_of(layer);
    return total;
}

std::string to_table(const Chain& chain) {
    std::vector<Column> columns{{"layer", true, {}},     {"name", false, {}},       {"in", true, {}},
                                {"out", true, {}},       {"activation", false, {}}, {"bias", false, {}},
                                {"parameters", true, {}}};
    std::array<Column, 3> scales{{{"a", true, {}}, {"b", true, {}}, {"c", true, {}}}};
    for (const Layer& layer : chain.layers) {
        const std::array<std::string, 7> cells{fmt::format("{}", columns[0].cells.size() + 1),
                                               layer.name,
                                               fmt::format("{}", layer.fan_in()),
                                               fmt::format("{}", layer.fan_out()),
                                               function_of(last_operator(layer)),
                                               layer.has_bias() ? "yes" : "no",
                                               fmt::format("{}", parameters_of(layer))};
        for (std::size_t i = 0; i < cells.size(); ++i) columns[i].cells.push_back(cells[i]);
        scales[0].cells.push_back(fmt::format("{:.6g}", layer.weight_scale));
        scales[1].cells.push_back(layer.has_bias() ? fmt::format("{:.6g}", layer.bias_scale) : "-");
        scales[2].cells.push_back(fmt::format("{:.6g}", layer.output_scale));
    }
    const bool scaled = std::any_of(chain.layers.begin(), chain.layers.end(), is_scaled);
    if (scaled) columns.insert(columns.end() - 1, scales.begin(), scales.end());
    return align(columns) + fmt::format("{} layers, {} inputs, {} outputs, {} parameters\n", chain.depth(),
                                        chain.inputs(), chain.outputs(), chain.parameters());
}

namespace {

Index add_layer(Network& network, Layer layer, Index x) {
    std::vector<Index> tensors;
    const Index width = layer.fan_out();
    const std::vector<Index> shape{width, layer.fan_in()};
    tensors.push_back(add_tensor(network, layer.weight_name, shape, std::move(layer.weight)));
    if (layer.has_bias()) {
        Matrix<double> bias(width, 1);
        std::copy(layer.bias.begin(), layer.bias.end(), bias.data());
        tensors.push_back(add_tensor(network, layer.bias_name, {width}, std::move(bias)));
    }
    const Index z =
        add_node(network, Dense{layer.weight_scale, layer.bias_scale}, layer.name, {x}, tensors, width);
    return add_node(network, last_operator(layer), layer.name, {z}, {}, width);
}

}  // namespace

Network make_network(Chain chain) {
    Network network;
    network.values.push_back({"input", chain.inputs()});
    Index x = network.input;
    for (Layer& layer : chain.layers) x = add_layer(network, std::move(layer), x);
    network.output = x;
    return network;
}

}  // namespace tangram
