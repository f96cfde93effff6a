#include "tangram/product/comparison.hpp"
#include "tangram/product/parameter_gram.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/error_measures.hpp"
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
        const Index unit = (begin - block.first) / block.unit_size;
        const Index units = (end - 1 - block.first) / block.unit_size + 1 - unit;
        const Matrix<double> part = jacobian_block(network, reduction, block.tensor, gradients, unit, units);
        if (J.size() == 0) J = Matrix<double>(part.rows(), count);
        const Index skipped = begin - block.first - unit * block.unit_size;
        for (Index i = 0; i < part.rows(); ++i)
            std::copy_n(part.view().row(i) + skipped, end - begin, J.view().row(i) + (begin - first));
    }
    return J;
}

/// The reference of one run, and what was found so far: by tensor, the total last.
struct GramComparison {
    const Network& network;
    const Reduction& reduction;
    const Axis& panels;
    const std::vector<SampleGradient>& gradients;
    std::vector<ParameterBlock> blocks;
    std::vector<Index> tensor_of;  ///< (P)
    std::vector<double> diagonal;  ///< (P): G_ref
    std::vector<double> norms;     ///< (P): its roots
    double norm_floor = 0;
    std::vector<double> worst, normalized, product, square;  ///< (tensors + 1)
    std::vector<double> underflows;                          ///< (tensors + 1): 1 where an entry does
    double least_norm = 0;                                   ///< that errors are held against
    double least = 0;                                        ///< the smallest number of full precision

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

GramComparison begin_comparison(const Network& network, const Reduction& reduction, const Axis& panels,
                                const std::vector<SampleGradient>& gradients) {
    GramComparison c{
        network, reduction, panels, gradients, parameter_blocks(network), {}, {}, {}, 0, {}, {}, {},
        {},      {},        0,      0};
    for (std::size_t t = 0; t < c.blocks.size(); ++t)
        c.tensor_of.insert(c.tensor_of.end(), at(c.blocks[t].size), static_cast<Index>(t));
    c.diagonal.resize(at(panels.extent));
    for (Index panel = 0; panel < panels.panels(); ++panel) {
        const Matrix<double> J = c.rows(panel);
        for (Index i = 0; i < J.rows(); ++i) {
            for (Index j = 0; j < J.cols(); ++j)
                c.diagonal[at(panels.begin(panel) + j)] += reduction.factor() * J(i, j) * J(i, j);
        }
    }
    for (const double entry : c.diagonal) c.norms.push_back(std::sqrt(entry));
    for (auto* measure : {&c.worst, &c.normalized, &c.product, &c.square})
        measure->resize(c.blocks.size() + 1);
    c.underflows.resize(c.blocks.size() + 1);
    return c;
}

/// A gradient that is zero but for rounding, such as that of the bias of an attention's keys, is of no size that errors could be
/// held against: an entry may be off by some units of rounding of float64, which J is computed in, of its other parameter's norm
/// and the largest.
void lift_norms(GramComparison& c, double tolerance) {
    constexpr double units = 64;  // as of a dot product
    c.least_norm = units * rounding_unit(Precision::float64) / tolerance * std::sqrt(c.size(c.blocks.size()));
    for (double& norm : c.norms) norm = std::max(norm, c.least_norm);
}

/// One entry of G at (p, q), G and reference.
void add_entry(GramComparison& c, Index p, Index q, double entry, double reference) {
    const double difference = std::abs(entry - reference);
    const double norm = c.norms[at(p)] * c.norms[at(q)];
    const double normalized = relative_error_of(difference, std::max(norm, c.norm_floor));
    const auto t = at(c.tensor_of[at(p)]);
    const auto u = at(c.tensor_of[at(q)]);
    const std::size_t total = c.blocks.size();
    if (p == q && reference > 0 && (reference < c.least || entry < c.least))
        c.underflows[t] = c.underflows[total] = 1;
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
    check.rows = total ? PanelRange{0, c.panels.extent} : PanelRange{c.blocks[k].first, c.blocks[k].end()};
    check.relative_error =
        relative_error_of(c.worst[k], total ? size : std::max({size, smallest, c.least_norm * c.least_norm}));
    check.normalized_error = c.normalized[k];
    check.scale = c.square[k] > 0 ? c.product[k] / c.square[k] : c.worst[k] == 0 ? 1.0 : not_computed;
    check.too_small = size > 0 && size < smallest;
    check.underflows = c.underflows[k] > 0;
    return check;
}

/// The check samples that lie near no kink, with all that J of any parameter is made of: each panel asks for some.
CheckSet leave_out(const Problem& problem, const CheckSet& all) {
    CheckSet kept;
    kept.X = Matrix<double>(std::count(all.excluded.begin(), all.excluded.end(), false), all.X.cols());
    for (std::size_t k = 0; k < all.gradients.size(); ++k) {
        if (all.excluded[k]) continue;
        std::copy_n(all.X.view().row(static_cast<Index>(k)), all.X.cols(),
                    kept.X.view().row(static_cast<Index>(kept.gradients.size())));
        const Followed everything{problem.reduction, all.gradients[k].sample, nullptr};
        kept.gradients.push_back(backpropagate(problem.network, everything,
                                               {all.X.view().row(static_cast<Index>(k)), at(all.X.cols())}));
        kept.samples.push_back(all.gradients[k].sample);
    }
    return kept;
}

/// A line for every tensor, nothing compared: which is no pass.
ExplicitComparison nothing_compared(const Network& network, const Shape& shape) {
    ExplicitComparison none;
    for (const ParameterBlock& block : parameter_blocks(network)) {
        none.components.emplace_back();
        none.components.back().name = block.name;
        none.components.back().rows = {block.first, block.end()};
    }
    none.total.name = shape.total().name;
    none.total.rows = {0, shape.axes.row.extent};
    return none;
}

}  // namespace

ExplicitComparison compare_parameters(const ComparisonInputs& inputs) {
    const Problem& problem = inputs.problem;
    const CheckSet kept = leave_out(problem, inputs.columns);
    if (kept.gradients.empty()) return nothing_compared(problem.network, inputs.shape);
    const Axis& parameters = inputs.shape.axes.row;
    GramComparison c = begin_comparison(problem.network, problem.reduction, parameters, kept.gradients);
    const double epsilon = rounding_unit(inputs.shape.precision);
    const double smallest = smallest_normal(inputs.shape.precision) / inputs.tolerance;
    c.least = smallest_normal(inputs.shape.precision);
    c.norm_floor = std::max(epsilon * epsilon * c.size(c.blocks.size()), smallest);
    lift_norms(c, inputs.tolerance);
    const ReadSamples from_memory = [&](Index first, MatrixView<double> out) {
        for (Index i = 0; i < out.rows; ++i) std::copy_n(kept.X.view().row(first + i), out.cols, out.row(i));
    };
    const Reduction of_few = of_some_samples(problem.reduction, kept.samples);
    const GramProblem few{problem.network, of_few, parameters, {kept.X.rows(), from_memory}};
    with_precision(inputs.shape.precision, [&](auto number) {
        using T = decltype(number);
        FeaturePanels features(sample_batches(few.samples.count, of_few), problem.network, of_few,
                               few.samples.read);
        compute_gram_tiles<T>(
            few, features, inputs.tiles, {inputs.threads, 1, 1},
            [&](const FinishedPlane<T>& plane) { compare_plane(c, plane, inputs.threads); },
            [] { return true; });
    });
    mpi::maximum(inputs.world, c.worst);
    mpi::maximum(inputs.world, c.normalized);
    mpi::maximum(inputs.world, c.underflows);
    mpi::sum(inputs.world, c.product);
    mpi::sum(inputs.world, c.square);
    ExplicitComparison found;
    for (std::size_t t = 0; t < c.blocks.size(); ++t) found.components.push_back(conclude(c, t, smallest));
    found.total = conclude(c, c.blocks.size(), smallest);
    return found;
}

}  // namespace tangram
