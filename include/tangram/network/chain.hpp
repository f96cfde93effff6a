#pragma once
// A fully connected network as a model file without a graph describes it, a chain of layers: z_l = a_l W_l x_{l-1} + b_l B_l, x_l = c_l phi_l(z_l), l = 1..L.
// W_l is (d_l, d_{l-1}), PyTorch's (out, in); B_l is (d_l) or absent; a_l, b_l, c_l are the scales of the
// parameterization. Weights are held in float64, which holds every dtype that a model file may have exactly.

#include "tangram/network/activation.hpp"
#include "tangram/network/network.hpp"
#include "tangram/support/matrix.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tangram {

struct Layer {
    std::string name;  ///< the module in the model: "fc1"; "layer<l>" where the model has no name for it
    std::string weight_name;           ///< the tensors' own names in the model: "fc1.weight"
    std::string bias_name;             ///< "" when the layer has no bias
    Matrix<double> weight;             ///< W_l, (d_l, d_{l-1})
    std::vector<double> bias;          ///< B_l, (d_l), or empty
    Activation activation;             ///< phi_l
    std::optional<Softmax> softmax{};  ///< in place of phi_l; the last layer's only
    double weight_scale = 1;           ///< a_l
    double bias_scale = 1;             ///< b_l
    double output_scale = 1;           ///< c_l

    [[nodiscard]] Index fan_in() const { return weight.cols(); }
    [[nodiscard]] Index fan_out() const { return weight.rows(); }
    [[nodiscard]] bool has_bias() const { return !bias.empty(); }
};

struct Chain {
    std::vector<Layer> layers;

    [[nodiscard]] Index depth() const { return static_cast<Index>(layers.size()); }
    [[nodiscard]] Index inputs() const { return layers.front().fan_in(); }
    [[nodiscard]] Index outputs() const { return layers.back().fan_out(); }
    [[nodiscard]] Index parameters() const;
};

/// What the user (or the model file's metadata) says of the network beyond its tensors; an empty list was not
/// given.
struct NetworkOptions {
    std::vector<std::string> activations{};          ///< hidden layers: one for all or one each
    std::optional<std::string> output_activation{};  ///< identity
    std::optional<std::string> parameterization{};   ///< standard
    std::vector<double> weight_std{};                ///< ntk: one for all or one a layer
    std::vector<double> bias_std{};                  ///< as weight_std; required when the model has biases
    std::vector<double> weight_scale{};              ///< a_l, one a layer
    std::vector<double> bias_scale{};                ///< b_l, one a layer
    std::vector<double> output_scale{};              ///< c_l, one a layer
    std::vector<std::string> layer_order{};          ///< module names, first layer first
};

/// The parameterization by its canonical name: standard, ntk or post-activation (alias torchntk). Throws
/// Error(usage).
std::string canonical_parameterization(const std::string& name);

/// What --output-activation may name beside an activation: "softmax", "log_softmax".
std::optional<Softmax> softmax_named(std::string_view name);

/// Throws Error(usage) that lists the known names unless the output can have this activation.
void require_output_activation(std::string_view name);

/// Gives `chain`'s layers their activations and scales. Throws Error(usage) on what does not fit the
/// network.
void configure(Chain& chain, const NetworkOptions& options);

/// The network as a table for people, one line a layer.
std::string to_table(const Chain& chain);

/// The graph that the chain is: a Dense and an Activate operator a layer, or a Softmax at the end. Takes the weights.
Network make_network(Chain chain);

}  // namespace tangram
