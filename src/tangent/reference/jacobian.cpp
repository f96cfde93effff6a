#include "tangram/tangent/reference/jacobian.hpp"

#include "operators.hpp"
#include "paths.hpp"
#include "shared_sensitivity.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/threads.hpp"

#include <algorithm>
#include <utility>

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

/// Some of the R rows of each sample.
struct Rows {
    Index first = 0;
    Index count = 0;
};

Index kernel_rows(const Reduction& reduction, std::span<const SampleGradient> samples) {
    return reduction.rows_per_sample() * static_cast<Index>(samples.size());
}

/// row: sum over outputs of E_{r, output} D_{output}, from entry `first` on; row r of D where E was followed.
void reduce_sensitivity(const Reduction& reduction, const SampleGradient& sample, Index r,
                        ConstMatrixView<double> D, Index first, std::span<double> row) {
    if (sample.E.rows() > 0) {
        std::copy_n(D.row(r) + first, row.size(), row.begin());
        return;
    }
    std::fill(row.begin(), row.end(), 0.0);
    for (Index output = 0; output < D.rows; ++output) {
        const double weight = reduction.weight(sample.sample, r, output);
        if (weight == 0) continue;
        const double* d = D.row(output) + first;
        for (std::size_t j = 0; j < row.size(); ++j) row[j] += weight * d[j];
    }
}

/// What one use of a tensor adds to a sample's rows of J. Each unit of the tensor is in as many entries of y as any other: one
/// of a Dense, all of its own of a Parameter; or anywhere, as rows that are looked up.
struct Contribution {
    const Node& node;
    std::size_t tensor = 0;  ///< of the node
    Matrix<double> made{};   ///< the sensitivity, where it was made again: its first row is row `first_row`
    const Matrix<double>* kept = nullptr;  ///< and where it was kept
    Index first_row = 0;
    Index entries_a_unit = 1;  ///< of y
    reference::Operands operands;
};

/// Whether the sensitivity that J of the tensor is made of is not kept.
bool is_made_again(const Network& network, Index tensor, std::span<const SampleGradient> samples) {
    if (samples.empty() || !samples.front().shared) return false;
    const std::vector<reference::Use> uses = reference::uses_of(network, tensor);
    return std::any_of(uses.begin(), uses.end(), [&](const reference::Use& use) {
        return network.values[at(network.nodes[at(use.node)].output)].shared;
    });
}

std::vector<Contribution> contributions_of(const Network& network, Index tensor, const SampleGradient& sample,
                                           const Rows& rows) {
    std::vector<Contribution> contributions;
    for (const reference::Use& use : reference::uses_of(network, tensor)) {
        const Node& node = network.nodes[at(use.node)];
        const Index units = network.tensors[at(tensor)].units();
        Contribution one{node, use.tensor, {}, nullptr, 0, network.values[at(node.output)].size / units, {}};
        if (sample.shared && network.values[at(node.output)].shared) {
            one.made = reference::shared_sensitivity(network, sample, node.output, rows.first, rows.count);
            one.first_row = rows.first;
            if (one.made.rows() == 0) continue;
        } else {
            one.kept = &sample.sensitivities[at(node.output)];
            if (one.kept->rows() == 0) continue;
        }
        one.operands = reference::operands_of(network, node, sample);
        contributions.push_back(std::move(one));
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
        const std::span<double> into = use == 0 ? row : std::span<double>(other);
        const bool of_all = reference::has_units_anywhere(part.node);
        const Index first = of_all ? 0 : units.first * part.entries_a_unit;
        d.resize(at(of_all ? part.kept->cols() : units.count * part.entries_a_unit));
        if (part.kept != nullptr)
            reduce_sensitivity(reduction, sample, r, part.kept->view(), first, d);
        else
            std::copy_n(part.made.view().row(r - part.first_row) + first, d.size(), d.begin());
        if (of_all)
            reference::gradient_of_units(part.node, part.operands, d, units.first, into);
        else
            reference::gradient(part.node, part.operands, part.tensor, d, into.data());
        if (use == 0) continue;
        for (std::size_t k = 0; k < row.size(); ++k) row[k] += other[k];
    }
}

/// J (M rows.count, ..), row i rows.count + (r - rows.first).
void fill_jacobian_block(const Network& network, const Reduction& reduction, const Units& units,
                         const Rows& rows, std::span<const SampleGradient> samples, int threads,
                         MatrixView<double> J) {
    share_out(threads, Index{0}, static_cast<Index>(samples.size()), [&](Index i, int) {
        const SampleGradient& sample = samples[at(i)];
        const std::vector<Contribution> contributions = contributions_of(network, units.tensor, sample, rows);
        for (Index k = 0; k < rows.count; ++k)
            fill_row(reduction, contributions, sample, rows.first + k, units,
                     {J.row(i * rows.count + k), at(J.cols)});
    });
}

/// Calls visit(units, rows) for the blocks of a tensor that are number `start` of `stride`, whose J has `samples` samples.
template <class Visit>
void for_each_block(const Network& network, const Reduction& reduction, Index tensor, Index samples,
                    bool made_again, Index start, Index stride, Visit visit) {
    const ParameterTensor& theta = network.tensors[at(tensor)];
    const Index R = reduction.sensitivities();
    if (!made_again) {
        const Index most = std::clamp<Index>(
            block_values / std::max<Index>(R * samples * theta.unit_size(), 1), 1, theta.units());
        for (Index first = start * most; first < theta.units(); first += stride * most)
            visit(Units{tensor, first, std::min(most, theta.units() - first)}, Rows{0, R});
        return;
    }
    if (tensor % stride != start) return;
    Index most = R;  // all of them meet in `full`
    if (!reduction.is_full())
        most = std::clamp<Index>(reference_rows_values / std::max<Index>(samples * theta.size(), 1), 1, R);
    for (Index first = 0; first < R; first += most)
        visit(Units{tensor, 0, theta.units()}, Rows{first, std::min(most, R - first)});
}

/// Memory for J of one block after the other.
struct JacobianBlock {
    Matrix<double> memory;
    MatrixView<double> fill(const Network& network, const Reduction& reduction, const Units& units,
                            const Rows& rows, std::span<const SampleGradient> samples, int threads) {
        const Index cols = units.count * network.tensors[at(units.tensor)].unit_size();
        const Index count = rows.count * static_cast<Index>(samples.size());
        if (memory.size() < count * cols) memory = Matrix<double>(count, cols);
        const MatrixView<double> J{memory.data(), count, cols, cols};
        fill_jacobian_block(network, reduction, units, rows, samples, threads, J);
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

/// How many rows of each sample that a block has are folded into one kernel entry: all but those of `full`.
Index folds(const Reduction& reduction, Index rows) {
    return reduction.is_full() ? 1 : rows;
}

/// Every `step`-th row of J, from row r on.
ConstMatrixView<double> every(Index step, Index r, ConstMatrixView<double> J) {
    return {J.row(r), J.rows / step, J.cols, step * J.ld};
}

/// The same for a block with `rows` rows of each sample.
void add_gram_of(const Reduction& reduction, Index rows, ConstMatrixView<double> J, MatrixView<double> K) {
    const Index step = folds(reduction, rows);
    for (Index r = 0; r < step; ++r) add_symmetric(every(step, r, J), reduction.factor(), K);
}

void add_gram_of(const Reduction& reduction, Index rows, ConstMatrixView<double> left,
                 ConstMatrixView<double> right, MatrixView<double> K) {
    const Index step = folds(reduction, rows);
    for (Index r = 0; r < step; ++r) {
        blas::gemm(blas::Op::none, blas::Op::transpose, reduction.factor(), every(step, r, left),
                   every(step, r, right), 1.0, K);
    }
}

}  // namespace

Matrix<double> jacobian_block(const Network& network, const Reduction& reduction, Index tensor,
                              std::span<const SampleGradient> samples, Index first_unit, Index units) {
    const Rows all{0, reduction.sensitivities()};
    Matrix<double> J(all.count * static_cast<Index>(samples.size()),
                     units * network.tensors[at(tensor)].unit_size());
    fill_jacobian_block(network, reduction, {tensor, first_unit, units}, all, samples, 1, J.view());
    return J;
}

void add_gram(const Reduction& reduction, ConstMatrixView<double> jacobian, MatrixView<double> K) {
    add_gram_of(reduction, reduction.sensitivities(), jacobian, K);
}

void add_gram(const Reduction& reduction, ConstMatrixView<double> rows, ConstMatrixView<double> columns,
              MatrixView<double> K) {
    add_gram_of(reduction, reduction.sensitivities(), rows, columns, K);
}

Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, Index tensor,
                                std::span<const SampleGradient> samples, const Share& share) {
    JacobianBlock J;
    Matrix<double> K(kernel_rows(reduction, samples), kernel_rows(reduction, samples));
    for_each_block(network, reduction, tensor, static_cast<Index>(samples.size()),
                   is_made_again(network, tensor, samples), share.start, share.stride,
                   [&](const Units& units, const Rows& rows) {
                       const auto block = J.fill(network, reduction, units, rows, samples, share.threads);
                       add_gram_of(reduction, rows.count, block, K.view());
                   });
    return K;
}

Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, Index tensor,
                                std::span<const SampleGradient> rows, std::span<const SampleGradient> columns,
                                const Share& share) {
    JacobianBlock left, right;
    Matrix<double> K(kernel_rows(reduction, rows), kernel_rows(reduction, columns));
    const bool made_again = is_made_again(network, tensor, rows) || is_made_again(network, tensor, columns);
    for_each_block(network, reduction, tensor, static_cast<Index>(rows.size() + columns.size()), made_again,
                   share.start, share.stride, [&](const Units& units, const Rows& some) {
                       const auto A = left.fill(network, reduction, units, some, rows, share.threads);
                       const auto B = right.fill(network, reduction, units, some, columns, share.threads);
                       add_gram_of(reduction, some.count, A, B, K.view());
                   });
    return K;
}

}  // namespace tangram
