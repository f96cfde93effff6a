#pragma once
// The explicit reference: the Jacobian J of the outputs with respect to every parameter, by plain per-sample
// backpropagation in float64. It shares no code with features.hpp: scalar loops, its own operators and activations
// (whose derivatives come from dual numbers, not from formulas), no BLAS but for the product J J^T.
//
//   J[theta_t]_{i r, p} = sum over uses of theta_t  D_{i r} dy/dtheta_p        D = E d(outputs)/dy
//
// with y the output of the node that uses the tensor and E (R, C) the reduction's, or the sample's own: M R rows of J, i R + r.
// Backpropagation follows the R rows of a reduction, or all C outputs: then E is applied when J is made.
//
// What depends on no sample (parameters as values, and what is made of them) is there once for all samples, and its
// sensitivities, rows of J as large as the tensor, are not kept but made again for one tensor at a time. In memory, with d the
// entries of all values that depend on the sample:
//
//   M (1 + R) d  and, while a tensor is at work, M R P_t, or as few of the R rows at a time as hold 512 MiB

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <memory>
#include <span>
#include <vector>

namespace tangram {

/// [value of the network]: (size) where it depends on no sample, nothing elsewhere.
using SharedValues = std::shared_ptr<const std::vector<std::vector<double>>>;
SharedValues shared_values(const Network& network);

/// What backpropagation leaves of one sample.
struct SampleGradient {
    Index sample = 0;             ///< its number in the run: which rows E_i of reduction `rows` are its
    std::vector<double> outputs;  ///< (C)
    std::vector<std::vector<double>> values;  ///< [value of the network]: (size); nothing where it is shared
    /// [value]: d(output_r)/d(value), (C, size), all outputs, or (R, size); no rows where no path leads from a parameter to
    /// the value and on to the output, as for the input, nor where the value is shared.
    std::vector<Matrix<double>> sensitivities;
    SharedValues shared{};  ///< nothing: all values and sensitivities are here
    Matrix<double> E{};     ///< (R, C), whose rows were followed; nothing: all outputs were
    /// Where E depends on the outputs, what it is of (tangent/reference/sample_rows.hpp), which must stay; else nullptr. Then also
    /// the sizes of E's entries before terms of them cancel.
    const Reduction* of_outputs = nullptr;
    Matrix<double> E_sizes{};

    [[nodiscard]] const std::vector<double>& value(Index v) const {
        return shared && !(*shared)[at(v)].empty() ? (*shared)[at(v)] : values[at(v)];
    }
    /// R, or C.
    [[nodiscard]] Index rows() const { return E.rows() > 0 ? E.rows() : static_cast<Index>(outputs.size()); }
};

/// Which rows of which sample are followed.
struct Followed {
    const Reduction& reduction;
    Index sample = 0;
    SharedValues shared;
};

/// All arrays of a gradient, zero.
SampleGradient empty_gradient(const Network& network);
SampleGradient empty_gradient(const Network& network, const Followed& followed);
/// The same of one with the rows of another; `shared` as its own.
SampleGradient empty_alike(const Network& network, const SampleGradient& sample, SharedValues shared);

/// Forward and backward through the network for the input x (d_0), all outputs followed and everything kept.
SampleGradient backpropagate(const Network& network, std::span<const double> x);
/// The same for the rows of a reduction.
SampleGradient backpropagate(const Network& network, const Followed& followed, std::span<const double> x);
/// The same rows for another input.
SampleGradient backpropagate_alike(const Network& network, const SampleGradient& sample,
                                   std::span<const double> x);

/// E f, (R): what is followed of outputs f (C); where E depends on them, what its rows are gradients of.
std::vector<double> followed_outputs(const SampleGradient& sample, std::span<const double> f);

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

/// Values of J, of all samples, that are made at once of a tensor whose rows are made again: 512 MiB, or a row of each sample.
inline constexpr Index reference_rows_values = Index{1} << 26;

/// Adds J J^T, folded by the reduction, to K (M', M'); M' = M, or M C for full. Otherwise only rows of equal r are
/// multiplied.
void add_gram(const Reduction& reduction, ConstMatrixView<double> jacobian, MatrixView<double> K);
/// The same for two lists of samples: J_rows J_columns^T to K (M', N').
void add_gram(const Reduction& reduction, ConstMatrixView<double> rows, ConstMatrixView<double> columns,
              MatrixView<double> K);

/// A rank's share of one tensor's blocks, and the threads that share the samples.
struct Share {
    Index start = 0, stride = 1;
    int threads = 1;
};

/// K_ref of one tensor on the samples, both triangles: J J^T streamed in blocks of units, so that no more
/// than 4 MiB of J, or the rows of one unit, exist at a time; of a tensor whose rows are made again, in blocks of rows. Blocks b
/// with b % stride == start only, or every stride-th such tensor (so that ranks can share the work): sum the results over start.
Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, Index tensor,
                                std::span<const SampleGradient> samples, const Share& share = {});
/// The same between two lists of samples, (M', N').
Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, Index tensor,
                                std::span<const SampleGradient> rows, std::span<const SampleGradient> columns,
                                const Share& share = {});

}  // namespace tangram
