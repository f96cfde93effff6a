#include "tidy.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tangram::onnx_file {

namespace {

constexpr Index none = -1;

/// Who makes and who takes each value.
struct Uses {
    explicit Uses(const Network& network)
        : producer(network.values.size(), none), consumers(network.values.size()) {
        for (std::size_t k = 0; k < network.nodes.size(); ++k) {
            producer[at(network.nodes[k].output)] = static_cast<Index>(k);
            for (const Index input : network.nodes[k].inputs)
                consumers[at(input)].push_back(static_cast<Index>(k));
        }
    }
    std::vector<Index> producer;                ///< [value]: node, or none for the input
    std::vector<std::vector<Index>> consumers;  ///< [value]: nodes, one entry a use
};

/// The tensor of a parameter that this value is, if nobody else takes it.
std::optional<Index> own_tensor(const Network& network, const Uses& uses, Index value) {
    const Index producer = uses.producer[at(value)];
    if (producer == none || value == network.output || uses.consumers[at(value)].size() != 1)
        return std::nullopt;
    const Node& node = network.nodes[at(producer)];
    if (!std::holds_alternative<Parameter>(node.op)) return std::nullopt;
    return node.tensors.front();
}

/// Whether the arrangement transposes a (rows, cols) matrix.
bool transposes(const Arrangement& table, Index rows, Index cols) {
    if (static_cast<Index>(table.from.size()) != rows * cols) return false;
    for (Index j = 0; j < cols; ++j) {
        for (Index i = 0; i < rows; ++i) {
            if (table.from[at(j * rows + i)] != i * cols + j) return false;
        }
    }
    return true;
}

/// The weight of a layer, and whether it lies as (in, out).
struct Weight {
    Index tensor;
    bool by_input;
};

/// B (inner, cols) of the product, or (cols, inner) if transposed there, if it is a parameter matrix or its transpose.
std::optional<Weight> weight_of(const Network& network, const Uses& uses, const MatMul& product, Index B) {
    if (const auto tensor = own_tensor(network, uses, B)) return Weight{*tensor, !product.b_transposed};
    const Index producer = uses.producer[at(B)];
    if (producer == none || uses.consumers[at(B)].size() != 1) return std::nullopt;
    const auto* arrange = std::get_if<Arrange>(&network.nodes[at(producer)].op);
    if (arrange == nullptr || network.nodes[at(producer)].inputs.size() != 1) return std::nullopt;
    const auto tensor = own_tensor(network, uses, network.nodes[at(producer)].inputs.front());
    const Index rows = product.b_transposed ? product.inner : product.cols;
    const Index cols = product.b_transposed ? product.cols : product.inner;
    if (!tensor || !transposes(*arrange->table, rows, cols)) return std::nullopt;
    return Weight{*tensor, product.b_transposed};
}

/// The sum of the product and a bias.
struct Bias {
    Index tensor, node;
    double scale;
};

std::optional<Bias> bias_of(const Network& network, const Uses& uses, Index product, Index size) {
    if (product == network.output || uses.consumers[at(product)].size() != 1) return std::nullopt;
    const Index node = uses.consumers[at(product)].front();
    const auto* add = std::get_if<Add>(&network.nodes[at(node)].op);
    if (add == nullptr) return std::nullopt;
    const std::vector<Index>& inputs = network.nodes[at(node)].inputs;
    const bool is_second = inputs[0] == product;
    const auto tensor = own_tensor(network, uses, inputs[is_second ? 1 : 0]);
    if (!tensor || network.tensors[at(*tensor)].size() != size || (!is_second && add->y_scale != 1))
        return std::nullopt;
    return Bias{*tensor, node, is_second ? add->y_scale : 1};
}

/// As (out, in), whichever way it lies.
void lay_out_weight(ParameterTensor& tensor, Index out, Index in, bool by_input) {
    Matrix<double> W(out, in);
    for (Index j = 0; j < out; ++j) {
        for (Index k = 0; k < in; ++k) W(j, k) = tensor.values.data()[by_input ? k * out + j : j * in + k];
    }
    tensor.values = std::move(W);
    tensor.shape = {out, in};
}

/// "fc1" of "fc1.weight".
std::string module_of(const std::string& tensor) {
    const std::size_t dot = tensor.find_last_of("./");
    return dot == tensor.npos || dot == 0 ? tensor : tensor.substr(0, dot);
}

void recognise_layer(Network& network, Index number) {
    Node& node = network.nodes[at(number)];
    const auto* product = std::get_if<MatMul>(&node.op);
    if (product == nullptr || product->batches() != 1 || product->rows != 1) return;
    const Index A = node.inputs[0];
    if (network.values[at(A)].shared) return;
    const Uses uses(network);
    const auto weight = weight_of(network, uses, *product, node.inputs[1]);
    if (!weight) return;
    const auto bias = bias_of(network, uses, node.output, product->cols);
    lay_out_weight(network.tensors[at(weight->tensor)], product->cols, product->inner, weight->by_input);
    Node layer{Dense{product->scale, bias ? bias->scale : 1},
               module_of(network.tensors[at(weight->tensor)].name),
               {A},
               {weight->tensor},
               bias ? network.nodes[at(bias->node)].output : node.output};
    if (bias) {
        ParameterTensor& B = network.tensors[at(bias->tensor)];
        Matrix<double> values(B.size(), 1);
        std::copy_n(B.values.data(), B.size(), values.data());
        B.values = std::move(values);
        layer.tensors.push_back(bias->tensor);
        network.nodes[at(bias->node)].output = node.output;  // what nobody takes is dropped
    }
    node = std::move(layer);
}

/// A product on several rows takes the parameter itself, not its transpose: it knows both ways to lie.
void absorb_transpose(Network& network, Index number) {
    Node& node = network.nodes[at(number)];
    auto* product = std::get_if<MatMul>(&node.op);
    if (product == nullptr ||
        !std::all_of(product->b_of.begin(), product->b_of.end(), [](Index b) { return b == 0; }))
        return;
    const Uses uses(network);
    const Index producer = uses.producer[at(node.inputs[1])];
    const auto weight = weight_of(network, uses, *product, node.inputs[1]);
    if (!weight || !std::holds_alternative<Arrange>(network.nodes[at(producer)].op)) return;
    product->b_transposed = !product->b_transposed;
    node.inputs[1] = network.nodes[at(producer)].inputs.front();
}

/// [value]: whether the output may be it times a number, and what is added: its sensitivity is then the same for all samples.
std::vector<bool> output_but_for_sums(const Network& network) {
    std::vector<bool> is_output(network.values.size(), false);
    is_output[at(network.output)] = true;
    for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
        const bool goes_on = std::holds_alternative<Add>(node->op) ||
                             std::holds_alternative<Apply>(node->op) ||
                             std::holds_alternative<Activate>(node->op);
        if (!goes_on || !is_output[at(node->output)]) continue;
        for (const Index input : node->inputs) is_output[at(input)] = true;
    }
    return is_output;
}

/// A table that is used nowhere else, and has many more rows than a sample can name, is the node's own: its gradient is zero but
/// for these.
void recognise_table(Network& network, Index number) {
    constexpr Index many = 4;
    constexpr Index most = Index{1} << 24;  // panels hold ids as float32 too
    Node& node = network.nodes[at(number)];
    const auto* lookup = std::get_if<Lookup>(&node.op);
    if (lookup == nullptr || lookup->rows > most || network.values[at(node.inputs[0])].shared) return;
    const Uses uses(network);
    const auto tensor = own_tensor(network, uses, node.inputs[1]);
    const Index ids = network.values[at(node.inputs[0])].size;
    if (!tensor || network.tensors[at(*tensor)].units() != lookup->rows || lookup->rows <= many * ids ||
        output_but_for_sums(network)[at(node.output)])
        return;
    node.inputs.pop_back();
    node.tensors = {*tensor};
    node.name = module_of(network.tensors[at(*tensor)].name);
}

/// [old index] -> new one, in the order in which they are met.
struct Renumbering {
    std::vector<Index> to;
    Index next = 0;
    explicit Renumbering(std::size_t size) : to(size, none) {}
    Index of(Index old) {
        if (to[at(old)] == none) to[at(old)] = next++;
        return to[at(old)];
    }
};

/// [node]: whether the output depends on it.
std::vector<bool> needed_nodes(const Network& network) {
    std::vector<bool> needed_values(network.values.size(), false), needed(network.nodes.size(), false);
    needed_values[at(network.output)] = true;
    for (std::size_t k = network.nodes.size(); k-- > 0;) {
        const Node& node = network.nodes[k];
        if (!needed_values[at(node.output)]) continue;
        needed[k] = true;
        for (const Index input : node.inputs) needed_values[at(input)] = true;
    }
    return needed;
}

void drop_what_leads_nowhere(Network& network) {
    const std::vector<bool> needed = needed_nodes(network);
    Renumbering values(network.values.size()), tensors(network.tensors.size());
    Network lean;
    lean.values.push_back(network.values[at(network.input)]);
    values.of(network.input);
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        if (!needed[k]) continue;
        Node& node = network.nodes[k];
        for (Index& input : node.inputs) input = values.of(input);
        for (Index& tensor : node.tensors) {
            const Index old = tensor;
            tensor = tensors.of(old);
            if (tensor == static_cast<Index>(lean.tensors.size()))
                lean.tensors.push_back(std::move(network.tensors[at(old)]));
        }
        lean.values.push_back(network.values[at(node.output)]);
        node.output = values.of(node.output);
        lean.nodes.push_back(std::move(node));
    }
    lean.output = values.of(network.output);
    lean.exact_inputs = std::move(network.exact_inputs);
    network = std::move(lean);
}

}  // namespace

void tidy(Network& network) {
    for (Index k = 0; k < static_cast<Index>(network.nodes.size()); ++k) {
        recognise_layer(network, k);
        absorb_transpose(network, k);
        recognise_table(network, k);
    }
    drop_what_leads_nowhere(network);
}

}  // namespace tangram::onnx_file
