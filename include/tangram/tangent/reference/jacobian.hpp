#pragma once
// The explicit reference: the Jacobian J of the outputs with respect to every parameter, by plain per-sample
// backpropagation in float64. It shares no code with features.hpp: scalar loops, its own operators and activations
// (whose derivatives come from dual numbers, not from formulas), no BLAS but for the product J J^T.
//
//   J[theta_t]_{i r, p} = sum over outputs s and uses of theta_t  E_{r s} D_{i s} dy/dtheta_p
//
// with y the output of the node that uses the tensor, D = d(output_s)/dy for s = 1..C, all outputs, and E (R, C) the
// reduction's, or the sample's own: M R rows of J, i R + r.

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <span>
#include <vector>

namespace tangram {

/// What backpropagation leaves of one sample.
struct SampleGradient {
    Index sample = 0;                         ///< its number in its set: which rows E_i, which label are its
    std::vector<double> outputs;              ///< (C)
    std::vector<std::vector<double>> values;  ///< [value of the network]: (size)
    /// [value]: d(output_r)/d(value), (C, size), all outputs; no rows where no path leads from a parameter to the
    /// value and on to the output, as for the input.
    std::vector<Matrix<double>> sensitivities;
    /// E (R, C) where the reduction's depends on the outputs (tangent/reference/sample_rows.hpp), and the size of its entries
    /// before cancellation where that is not |E|; else without rows.
    Matrix<double> rows{}, row_sizes{};
};

/// All arrays of a gradient, zero.
SampleGradient empty_gradient(const Network& network);

/// Forward and backward through the network for the input x (d_0).
SampleGradient backpropagate(const Network& network, std::span<const double> x);

/// phi and phi' at z by dual numbers.
struct DualValue {
    double value;
    double derivative;
};
DualValue reference_activation(const Activation& activation, double z);

/// The explicit Jacobian with respect to units [first_unit, first_unit + units) of one tensor, (M R, units *
/// unit_size): one row for every sample and reduced output, which add_gram() folds.
Matrix<double> jacobian_block(const Network& network, const Reduction& reduction, Index tensor,
                              std::span<const SampleGradient> samples, Index first_unit, Index units);

/// Adds J J^T, folded by the reduction, to K (M', M'); M' = M, or M C for full. Otherwise only rows of equal r are
/// multiplied.
void add_gram(const Reduction& reduction, ConstMatrixView<double> jacobian, MatrixView<double> K);
/// The same for two lists of samples: J_rows J_columns^T to K (M', N').
void add_gram(const Reduction& reduction, ConstMatrixView<double> rows, ConstMatrixView<double> columns,
              MatrixView<double> K);

/// K_ref of one tensor on the samples, both triangles: J J^T streamed in blocks of units, so that no more
/// than 4 MiB of J, or the rows of one unit, exist at a time. Blocks b with b % stride == start only (so that
/// ranks can share the work): sum the results over start.
Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, Index tensor,
                                std::span<const SampleGradient> samples, Index start = 0, Index stride = 1);
/// The same between two lists of samples, (M', N').
Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, Index tensor,
                                std::span<const SampleGradient> rows, std::span<const SampleGradient> columns,
                                Index start = 0, Index stride = 1);

}  // namespace tangram
