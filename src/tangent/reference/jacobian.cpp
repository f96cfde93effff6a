#include "tangram/tangent/reference/jacobian.hpp"

#include "operators.hpp"
#include "paths.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Blocks of J are kept this small (if one unit is not larger) so that they stay in the cache between the two
/// loops that write and multiply them.
constexpr Index block_values = Index{1} << 19;  // 4 MiB

/// Some units of one tensor: the columns of a block of J.
struct Units {
    Index tensor = 0;
    Index first = 0;
    Index count = 0;
};

Index jacobian_rows(const Reduction& reduction, std::span<const SampleGradient> samples) {
    return reduction.sensitivities() * static_cast<Index>(samples.size());
}

Index kernel_rows(const Reduction& reduction, std::span<const SampleGradient> samples) {
    return reduction.rows_per_sample() * static_cast<Index>(samples.size());
}

/// Entry (r, output) of the sample's E.
double weight_of(const Reduction& reduction, const SampleGradient& sample, Index r, Index output) {
    return reduction.needs_outputs() ? sample.rows(r, output) : reduction.weight(sample.sample, r, output);
}

/// row: sum over outputs of E_{r, output} D_{output}, from entry `first` on.
void reduce_sensitivity(const Reduction& reduction, const SampleGradient& sample, Index r,
                        const Matrix<double>& D, Index first, std::span<double> row) {
    std::fill(row.begin(), row.end(), 0.0);
    for (Index output = 0; output < D.rows(); ++output) {
        const double weight = weight_of(reduction, sample, r, output);
        if (weight == 0) continue;
        const double* d = D.view().row(output) + first;
        for (std::size_t j = 0; j < row.size(); ++j) row[j] += weight * d[j];
    }
}

/// What one use of a tensor adds to a sample's rows of J. Each unit of the tensor is in as many entries of y as any other: one
/// of a Dense, all of its own of a Parameter.
struct Contribution {
    const Node& node;
    std::size_t tensor = 0;  ///< of the node
    const Matrix<double>& sensitivity;
    Index entries_a_unit = 1;  ///< of y
    reference::Operands operands;
};

std::vector<Contribution> contributions_of(const Network& network, Index tensor,
                                           const SampleGradient& sample) {
    std::vector<Contribution> contributions;
    for (const reference::Use& use : reference::uses_of(network, tensor)) {
        const Node& node = network.nodes[at(use.node)];
        const Matrix<double>& D = sample.sensitivities[at(node.output)];
        if (D.rows() == 0) continue;
        contributions.push_back({node, use.tensor, D, D.cols() / network.tensors[at(tensor)].units(),
                                 reference::operands_of(network, node, sample.values)});
    }
    return contributions;
}

/// One row of J. The first use writes it, others are added: with one use, as almost always, no entry is touched twice.
void fill_row(const Reduction& reduction, const std::vector<Contribution>& contributions,
              const SampleGradient& sample, Index r, const Units& units, std::span<double> row) {
    std::vector<double> d;
    std::vector<double> other(contributions.size() > 1 ? row.size() : 0);
    if (contributions.empty()) std::fill(row.begin(), row.end(), 0.0);
    for (std::size_t use = 0; use < contributions.size(); ++use) {
        const Contribution& part = contributions[use];
        d.resize(at(units.count * part.entries_a_unit));
        reduce_sensitivity(reduction, sample, r, part.sensitivity, units.first * part.entries_a_unit, d);
        reference::gradient(part.node, part.operands, part.tensor, d, use == 0 ? row.data() : other.data());
        if (use == 0) continue;
        for (std::size_t k = 0; k < row.size(); ++k) row[k] += other[k];
    }
}

void fill_jacobian_block(const Network& network, const Reduction& reduction, const Units& units,
                         std::span<const SampleGradient> samples, MatrixView<double> J) {
    double* row = J.data;
    for (const SampleGradient& sample : samples) {
        const std::vector<Contribution> contributions = contributions_of(network, units.tensor, sample);
        for (Index r = 0; r < reduction.sensitivities(); ++r, row += J.ld)
            fill_row(reduction, contributions, sample, r, units, {row, at(J.cols)});
    }
}

/// Calls visit(units) for blocks start, start + stride, .. of a tensor, whose J has `rows` rows.
template <class Visit>
void for_each_block(const ParameterTensor& theta, Index tensor, Index rows, Index start, Index stride,
                    Visit visit) {
    const Index most =
        std::clamp<Index>(block_values / std::max<Index>(rows * theta.unit_size(), 1), 1, theta.units());
    for (Index first = start * most; first < theta.units(); first += stride * most)
        visit(Units{tensor, first, std::min(most, theta.units() - first)});
}

/// Memory for J of one block after the other.
struct JacobianBlock {
    Matrix<double> memory;
    MatrixView<double> fill(const Network& network, const Reduction& reduction, const Units& units,
                            std::span<const SampleGradient> samples) {
        const Index cols = units.count * network.tensors[at(units.tensor)].unit_size();
        const Index rows = jacobian_rows(reduction, samples);
        if (memory.size() < rows * cols) memory = Matrix<double>(rows, cols);
        const MatrixView<double> J{memory.data(), rows, cols, cols};
        fill_jacobian_block(network, reduction, units, samples, J);
        return J;
    }
};

/// K += factor A A^T, both triangles.
void add_symmetric(ConstMatrixView<double> A, double factor, MatrixView<double> K) {
    Matrix<double> gram(A.rows, A.rows);
    blas::gram_lower(A, gram.view());
    for (Index i = 0; i < A.rows; ++i) {
        for (Index j = 0; j <= i; ++j) K(i, j) += factor * gram(i, j);
        for (Index j = 0; j < i; ++j) K(j, i) += factor * gram(i, j);
    }
}

/// How many rows of each sample are folded into one kernel entry: all but those of `full`.
Index folds(const Reduction& reduction) {
    return reduction.is_full() ? 1 : reduction.sensitivities();
}

/// Every `step`-th row of J, from row r on.
ConstMatrixView<double> every(Index step, Index r, ConstMatrixView<double> J) {
    return {J.row(r), J.rows / step, J.cols, step * J.ld};
}

}  // namespace

Matrix<double> jacobian_block(const Network& network, const Reduction& reduction, Index tensor,
                              std::span<const SampleGradient> samples, Index first_unit, Index units) {
    Matrix<double> J(jacobian_rows(reduction, samples), units * network.tensors[at(tensor)].unit_size());
    fill_jacobian_block(network, reduction, {tensor, first_unit, units}, samples, J.view());
    return J;
}

void add_gram(const Reduction& reduction, ConstMatrixView<double> jacobian, MatrixView<double> K) {
    const Index step = folds(reduction);
    for (Index r = 0; r < step; ++r) add_symmetric(every(step, r, jacobian), reduction.factor(), K);
}

void add_gram(const Reduction& reduction, ConstMatrixView<double> rows, ConstMatrixView<double> columns,
              MatrixView<double> K) {
    const Index step = folds(reduction);
    for (Index r = 0; r < step; ++r) {
        blas::gemm(blas::Op::none, blas::Op::transpose, reduction.factor(), every(step, r, rows),
                   every(step, r, columns), 1.0, K);
    }
}

Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, Index tensor,
                                std::span<const SampleGradient> samples, Index start, Index stride) {
    JacobianBlock J;
    Matrix<double> K(kernel_rows(reduction, samples), kernel_rows(reduction, samples));
    for_each_block(network.tensors[at(tensor)], tensor, jacobian_rows(reduction, samples), start, stride,
                   [&](const Units& units) {
                       add_gram(reduction, J.fill(network, reduction, units, samples), K.view());
                   });
    return K;
}

Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, Index tensor,
                                std::span<const SampleGradient> rows, std::span<const SampleGradient> columns,
                                Index start, Index stride) {
    JacobianBlock left, right;
    Matrix<double> K(kernel_rows(reduction, rows), kernel_rows(reduction, columns));
    for_each_block(network.tensors[at(tensor)], tensor,
                   jacobian_rows(reduction, rows) + jacobian_rows(reduction, columns), start, stride,
                   [&](const Units& units) {
                       add_gram(reduction, left.fill(network, reduction, units, rows),
                                right.fill(network, reduction, units, columns), K.view());
                   });
    return K;
}

}  // namespace tangram
