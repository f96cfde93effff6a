#pragma once
// The explicit reference: the Jacobian J of the outputs with respect to every parameter, by plain per-sample
// backpropagation in float64. It shares no code with features.hpp: scalar loops, its own activations (whose
// derivatives come from dual numbers, not from formulas), no BLAS but for the product J J^T.
//
//   J[W_l]_{i r, (j, k)} = a_l D_{l, i r j} x_{l-1, i k}        J[B_l]_{i r, j} = b_l D_{l, i r j}
//
// with D_l = d(output_r)/d z_l for r = 1..C, all outputs, whatever the reduction.

#include "tangram/model/network.hpp"
#include "tangram/tangent/reduction.hpp"

#include <span>
#include <vector>

namespace tangram {

/// What backpropagation leaves of one sample.
struct SampleGradient {
    std::vector<double> outputs;                      ///< (C)
    std::vector<std::vector<double>> activations;     ///< [l-1]: x_{l-1}, (d_{l-1})
    std::vector<std::vector<double>> preactivations;  ///< [l-1]: z_l, (d_l)
    std::vector<Matrix<double>> sensitivities;        ///< [l-1]: D_l, (C, d_l)
};

/// Forward and backward through the network for the input x (d_0).
SampleGradient backpropagate(const Network& network, std::span<const double> x);

/// phi and phi' at z by dual numbers, for tests.
struct DualValue {
    double value;
    double derivative;
};
DualValue reference_activation(const Activation& activation, double z);

/// A parameter tensor of the network: layer (0..L-1), weight or bias.
struct ParameterTensor {
    Index layer = 0;
    bool is_bias = false;
};
/// All tensors that the network has, weight before bias, first layer first.
std::vector<ParameterTensor> parameter_tensors(const Network& network);

/// The explicit Jacobian with respect to rows [first_unit, first_unit + units) of one tensor, with the
/// outputs reduced: (M rows_of_reduction, units * fan_in) for weights, (.., units) for a bias; for trace and
/// mean, the rows are all (sample, output) pairs, i C + r, and add_gram() folds them.
Matrix<double> jacobian_block(const Network& network, const Reduction& reduction, ParameterTensor tensor,
                              std::span<const SampleGradient> samples, Index first_unit, Index units);

/// Adds J J^T, folded by the reduction, to K (M', M'); M' = M, or M C for full. For trace and mean only pairs
/// of equal outputs are multiplied.
void add_gram(const Reduction& reduction, ConstMatrixView<double> jacobian, MatrixView<double> K);

/// K_ref of one tensor on the samples, both triangles: J J^T streamed in blocks of units, so that no more
/// than 4 MiB of J, or the rows of one unit, exist at a time. Blocks b with b % stride == start only (so that
/// ranks can share the work): sum the results over start.
Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, ParameterTensor tensor,
                                std::span<const SampleGradient> samples, Index start = 0, Index stride = 1);

}  // namespace tangram
