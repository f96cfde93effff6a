#pragma once
// A network: a graph of operators over values, with parameter tensors.
//
//   value     one tensor a sample, n samples: (n, size)          values[0] is the input
//   tensor    a parameter tensor theta_t with P_t entries, (units, P_t / units) row-major; its units are what its first
//             axis counts: rows of W, entries of a bias
//   node      an operator: values and tensors in, one value out; nodes are in an order in which every value is made
//             before it is used
//
// A tensor belongs to one node. What several use is a value, made by one Parameter (operator.hpp): their gradients add up there.
//
// The sample axis is ours and outermost; no operator sees it. Values and tensors are known by their indices here.

#include "tangram/network/operator.hpp"
#include "tangram/support/matrix.hpp"

#include <string>
#include <vector>

namespace tangram {

struct Value {
    std::string name;
    Index size = 0;  ///< entries a sample
    bool shared =
        false;  ///< it depends on no sample: made of parameters and constants alone, and one for all
};

struct ParameterTensor {
    std::string name;          ///< its own in the model: "fc1.weight"
    std::vector<Index> shape;  ///< (128, 64); (128) for a bias
    Matrix<double> values;     ///< (units, entries a unit): float64 holds every dtype of a model file exactly
    [[nodiscard]] Index size() const { return values.size(); }
    [[nodiscard]] Index units() const { return values.rows(); }
    [[nodiscard]] Index unit_size() const { return values.cols(); }
};

struct Node {
    Operator op;
    std::string name;            ///< the module in the model: "fc1"
    std::vector<Index> inputs;   ///< values
    std::vector<Index> tensors;  ///< in the operator's order: W, then B where there is one
    Index output = 0;            ///< value
};

struct Network {
    std::vector<Value> values;
    std::vector<ParameterTensor> tensors;
    std::vector<Node> nodes;
    Index input = 0;
    Index output = 0;
    std::vector<bool>
        exact_inputs{};  ///< [entry of the input]: an integer, as ids are, and exact; empty: none is
    /// Samples bring their gradients: outputs are linear in the parameters, which are all zero, and so is what is made of them
    /// (input/factors.hpp).
    bool gradients_are_given = false;

    [[nodiscard]] Index inputs() const { return values[at(input)].size; }
    [[nodiscard]] Index outputs() const { return values[at(output)].size; }
    /// P: entries of all tensors.
    [[nodiscard]] Index parameters() const;
};

/// The same network, weights and all, a second time in memory.
Network copy_of(const Network& network);

/// Adds a value of `size` entries that the new node makes; returns it.
Index add_node(Network& network, Operator op, const std::string& name, std::vector<Index> inputs,
               std::vector<Index> tensors, Index size);
/// Adds a tensor; returns its index.
Index add_tensor(Network& network, const std::string& name, std::vector<Index> shape, Matrix<double> values);

/// The node that makes a value, nullptr for the input.
const Node* producer_of(const Network& network, Index value);

/// [value]: whether some tensor is on its way.
std::vector<bool> depends_on_tensors(const Network& network);

/// What makes the output, as the file names it: the activation ("identity", "sigmoid"), or the operator where it is none.
std::string output_operator(const Network& network);

/// The nodes that have tensors, "layers", by index and in order.
std::vector<Index> layers_of(const Network& network);

/// The layer that a value is of, for people: the node with a weight that it comes from, or, of the input, goes to first.
const Node& layer_of_value(const Network& network, Index value);

/// "fc1.weight, (128, 64)".
std::string describe(const ParameterTensor& tensor);

}  // namespace tangram
