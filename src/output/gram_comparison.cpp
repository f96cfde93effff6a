#include "gram_comparison.hpp"

#include "error_measures.hpp"
#include "tangram/kernel/parameter_gram.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/tangent/parameter_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tangram {

namespace {

/// J_ref for parameters [first, first + count): whole units from the explicit Jacobian, cut to fit.
Matrix<double> explicit_rows(const Network& network, const Reduction& reduction,
                             const std::vector<ParameterBlock>& blocks,
                             const std::vector<SampleGradient>& gradients, Index first, Index count) {
    Matrix<double> J;
    for (const ParameterBlock& block : blocks) {
        const Index begin = std::max(first, block.first);
        const Index end = std::min(first + count, block.end());
        if (begin >= end) continue;
        const Index unit = (begin - block.first) / block.fan_in;
        const Index units = (end - 1 - block.first) / block.fan_in + 1 - unit;
        const Matrix<double> part =
            jacobian_block(network, reduction, {block.layer, block.is_bias}, gradients, unit, units);
        if (J.size() == 0) J = Matrix<double>(part.rows(), count);
        const Index skipped = begin - block.first - unit * block.fan_in;
        for (Index i = 0; i < part.rows(); ++i)
            std::copy_n(part.view().row(i) + skipped, end - begin, J.view().row(i) + (begin - first));
    }
    return J;
}

/// The reference of one run, and what was found so far: by tensor, the total last.
struct GramComparison {
    const Network& network;
    const Reduction& reduction;
    const Panels& panels;
    const std::vector<SampleGradient>& gradients;
    std::vector<ParameterBlock> blocks;
    std::vector<Index> tensor_of;  ///< (P)
    std::vector<double> diagonal;  ///< (P): G_ref
    std::vector<double> norms;     ///< (P): its roots
    double norm_floor = 0;
    std::vector<double> worst, normalized, product, square;  ///< (tensors + 1)

    [[nodiscard]] Matrix<double> rows(Index panel) const {
        return explicit_rows(network, reduction, blocks, gradients, panels.begin(panel), panels.size(panel));
    }
    /// The largest diagonal entry of one tensor, or of all.
    [[nodiscard]] double size(std::size_t tensor) const {
        const bool all = tensor == blocks.size();
        const auto begin = diagonal.begin() + (all ? 0 : blocks[tensor].first);
        return *std::max_element(begin, all ? diagonal.end() : begin + blocks[tensor].size);
    }
};

GramComparison begin_comparison(const Network& network, const Reduction& reduction, const Panels& panels,
                                const std::vector<SampleGradient>& gradients) {
    GramComparison c{network, reduction, panels, gradients, parameter_blocks(network), {}, {}, {}, 0,
                     {},      {},        {},     {}};
    for (std::size_t t = 0; t < c.blocks.size(); ++t)
        c.tensor_of.insert(c.tensor_of.end(), at(c.blocks[t].size), static_cast<Index>(t));
    c.diagonal.resize(at(panels.samples));
    for (Index panel = 0; panel < panels.count(); ++panel) {
        const Matrix<double> J = c.rows(panel);
        for (Index i = 0; i < J.rows(); ++i) {
            for (Index j = 0; j < J.cols(); ++j)
                c.diagonal[at(panels.begin(panel) + j)] += reduction.factor() * J(i, j) * J(i, j);
        }
    }
    for (const double entry : c.diagonal) c.norms.push_back(std::sqrt(entry));
    for (auto* measure : {&c.worst, &c.normalized, &c.product, &c.square})
        measure->resize(c.blocks.size() + 1);
    return c;
}

/// One entry of G at (p, q), G and reference.
void add_entry(GramComparison& c, Index p, Index q, double entry, double reference) {
    const double difference = std::abs(entry - reference);
    const double norm = c.norms[at(p)] * c.norms[at(q)];
    const double normalized = relative_to(std::max(norm, c.norm_floor), difference);
    const auto t = at(c.tensor_of[at(p)]);
    const auto u = at(c.tensor_of[at(q)]);
    const std::size_t total = c.blocks.size();
    for (const std::size_t k : {t, u, total}) c.normalized[k] = worse(c.normalized[k], normalized);
    for (const std::size_t k : {t, total}) {
        if (k == t && t != u) continue;
        c.worst[k] = worse(c.worst[k], difference);
        c.product[k] += entry * reference;
        c.square[k] += reference * reference;
    }
}

template <class T>
void compare_plane(GramComparison& c, const FinishedPlane<T>& plane, int threads) {
    if (plane.block.row < plane.block.column) return;  // the mirror
    const Matrix<double> left = c.rows(plane.block.row);
    const Matrix<double> right = c.rows(plane.block.column);
    Matrix<double> reference(left.cols(), right.cols());
    {
        const blas::BlasThreads blas_threads(threads);
        blas::gemm(blas::Op::transpose, blas::Op::none, c.reduction.factor(), left.view(), right.view(), 0.0,
                   reference.view());
    }
    for (Index i = 0; i < reference.rows(); ++i) {
        for (Index j = 0; j < reference.cols(); ++j) {
            add_entry(c, plane.row + i, plane.column + j, static_cast<double>(plane.values(i, j)),
                      reference(i, j));
        }
    }
}

ComponentCheck conclude(const GramComparison& c, std::size_t k, double smallest) {
    ComponentCheck check;
    const bool total = k == c.blocks.size();
    const double size = c.size(k);
    check.name = total ? "parameter_gram" : c.blocks[k].name;
    check.relative_error = relative_to(total ? size : std::max(size, smallest), c.worst[k]);
    check.normalized_error = c.normalized[k];
    check.scale = c.square[k] > 0 ? c.product[k] / c.square[k] : c.worst[k] == 0 ? 1.0 : not_computed;
    check.underflows = size > 0 && size < smallest;
    return check;
}

}  // namespace

void compare_gram_tiles(const mpi::Communicator& comm, const KernelShape& shape,
                        const std::vector<Tile>& tiles, const Network& network, const Reduction& reduction,
                        ConstMatrixView<double> X, const std::vector<SampleGradient>& gradients, int threads,
                        CheckReport& report) {
    GramComparison c = begin_comparison(network, reduction, shape.panels, gradients);
    const double epsilon = rounding_unit(shape.precision);
    const double smallest = smallest_normal(shape.precision) / report.tolerance;
    c.norm_floor = std::max(epsilon * epsilon * c.size(c.blocks.size()), smallest);
    const ReadSamples from_memory = [&](Index first, MatrixView<double> out) {
        for (Index i = 0; i < out.rows; ++i) std::copy_n(X.row(first + i), out.cols, out.row(i));
    };
    const GramProblem problem{network, reduction, shape.panels, X.rows, from_memory};
    const GramPace pace{threads, 1, 1};
    const auto compare = [&](const auto& plane) { compare_plane(c, plane, threads); };
    const auto always = [] { return true; };
    if (shape.precision == Precision::float32) {
        compute_gram_tiles<float>(problem, tiles, pace, compare, always);
    } else {
        compute_gram_tiles<double>(problem, tiles, pace, compare, always);
    }
    mpi::maximum(comm, c.worst);
    mpi::maximum(comm, c.normalized);
    mpi::sum(comm, c.product);
    mpi::sum(comm, c.square);
    for (std::size_t t = 0; t < c.blocks.size(); ++t) report.components.push_back(conclude(c, t, smallest));
    report.total = conclude(c, c.blocks.size(), smallest);
}

}  // namespace tangram
