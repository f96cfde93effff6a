#pragma once
// A fully connected network: z_l = a_l W_l x_{l-1} + b_l B_l, x_l = c_l phi_l(z_l), l = 1..L.
// W_l is (d_l, d_{l-1}), PyTorch's (out, in); B_l is (d_l) or absent; a_l, b_l, c_l are the scales of the
// parameterization. Weights are held in float64, which holds every dtype that a model file may have exactly.

#include "tangram/model/activation.hpp"
#include "tangram/support/matrix.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

struct Layer {
    std::string name;  ///< the module in the model: "fc1"; "layer<l>" where the model has no name for it
    std::string weight_name;   ///< the tensors' own names in the model: "fc1.weight"
    std::string bias_name;     ///< "" when the layer has no bias
    Matrix<double> weight;     ///< W_l, (d_l, d_{l-1})
    std::vector<double> bias;  ///< B_l, (d_l), or empty
    Activation activation;     ///< phi_l
    double weight_scale = 1;   ///< a_l
    double bias_scale = 1;     ///< b_l
    double output_scale = 1;   ///< c_l

    [[nodiscard]] Index fan_in() const { return weight.cols(); }
    [[nodiscard]] Index fan_out() const { return weight.rows(); }
    [[nodiscard]] bool has_bias() const { return !bias.empty(); }
    /// phi_l is the identity, so that dx_l/dz_l = c_l everywhere.
    [[nodiscard]] bool is_linear() const { return activation.kind == ActivationKind::identity; }
};

struct Network {
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

/// Gives `network`'s layers their activations and scales. Throws Error(usage) on what does not fit the
/// network.
void configure(Network& network, const NetworkOptions& options);

/// The network as a table for people, one line a layer.
std::string to_table(const Network& network);

}  // namespace tangram
