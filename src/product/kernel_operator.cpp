#include "tangram/product/kernel_operator.hpp"

#include "tangram/tangent/jacobian_action.hpp"

#include <algorithm>

namespace tangram {

namespace {

Problem without_test(const Problem& problem) {
    Problem square = problem;
    square.test.reset();
    square.components = false;
    square.conjugate_kernels = ConjugateKernels::none;
    return square;
}

Problem with_total_only(const Problem& problem) {
    Problem total = problem;
    total.components = false;
    total.conjugate_kernels = ConjugateKernels::none;
    return total;
}

/// Who has which samples; no tiles, which nobody makes.
Distribution shards_only(const Axes& axes, int ranks) {
    return {axes, make_grid(ranks, axes), {}, {}};
}

}  // namespace

KernelOperator::KernelOperator(const mpi::Communicator& world, const Problem& problem, int threads, bool hold)
    : world_(world),
      problem_(problem),
      threads_(threads),
      square_(without_test(problem)),
      shape_(products_of::samples.shape(square_)),
      distribution_(shards_only(shape_.axes, world.size())),
      rows_each_(problem.reduction.rows_per_sample()),
      extent_(problem.samples.count * rows_each_),
      samples_(shard_units(shape_.axes.column, distribution_.grid, world.rank())),
      rows_{samples_.begin * rows_each_, samples_.end * rows_each_} {
    if (!hold) return;
    const Axis& axis = shape_.axes.column;
    kept_.columns =
        std::make_unique<FeaturePanels>(axis, problem.network, problem.reduction, problem.samples.read);
    kept_.columns->compute(shard_panels(axis, distribution_.grid, world.rank()), threads);
}

FeaturePanels& KernelOperator::panels() const {
    if (!kept_.columns) {
        kept_.columns = std::make_unique<FeaturePanels>(shape_.axes.column, problem_.network,
                                                        problem_.reduction, problem_.samples.read);
    }
    return *kept_.columns;
}

void KernelOperator::act(std::span<const double> v, std::span<double> y) const {
    std::vector<double> whole(at(extent_), 0.0);
    std::copy(v.begin(), v.end(), whole.begin() + rows_.begin);
    panels();  // those that are not held are computed one by one
    const ActionResources resources{threads_, false, &kept_};
    const Action action =
        products_of::samples.act(world_, square_, shape_, distribution_, resources, whole, whole);
    std::copy_n(action.on_columns.back().begin() + rows_.begin, rows_.size(), y.begin());
}

double KernelOperator::trace() const {
    const std::vector<Step> steps = steps_of(problem_.network, problem_.reduction);
    const PanelRange range = shard_panels(shape_.axes.column, distribution_.grid, world_.rank());
    double sum = 0;
    for (Index panel = range.begin; panel < range.end; ++panel) {
        const FeatureView view = panels().view(panel);
        for (const Step& step : steps) sum += squared_size(view, step);
    }
    mpi::sum(world_, {&sum, 1});
    return problem_.reduction.factor() * sum;
}

Matrix<double> KernelOperator::outputs() const {
    const Axis& axis = shape_.axes.column;
    const PanelRange range = shard_panels(axis, distribution_.grid, world_.rank());
    Matrix<double> all(samples_.size(), problem_.network.outputs());
    for (Index panel = range.begin; panel < range.end; ++panel) {
        panels().block(panel);
        const Matrix<double>& its = panels().outputs(panel);
        std::copy_n(its.data(), its.size(), all.view().row(axis.begin(panel) - samples_.begin));
    }
    return all;
}

std::vector<double> KernelOperator::act_on_test(std::span<const double> v) const {
    const Problem total = with_total_only(problem_);
    const Shape shape = products_of::test_by_samples.shape(total);
    const Distribution distribution = shards_only(shape.axes, world_.size());
    // Of another panel size, so that features are computed afresh: this is done once a solution.
    const PanelRange columns = shard_units(shape.axes.column, distribution.grid, world_.rank());
    std::vector<double> whole(at(extent_), 0.0);
    std::copy(v.begin(), v.end(), whole.begin() + rows_.begin);
    mpi::sum(world_, whole);
    for (Index i = 0; i < extent_; ++i) {
        if (i < columns.begin * rows_each_ || i >= columns.end * rows_each_) whole[at(i)] = 0;
    }
    const std::vector<double> nothing(at(problem_.test->count * rows_each_), 0.0);
    Action action = products_of::test_by_samples.act(world_, total, shape, distribution,
                                                     {threads_, false, nullptr}, whole, nothing);
    mpi::sum(world_, action.on_columns.back());
    return std::move(action.on_columns.back());
}

OperatorBytes operator_bytes(const Problem& problem, int ranks, int threads, bool hold) {
    const Problem square = without_test(problem);
    const Axes axes = products_of::samples.shape(square).axes;
    const Distribution distribution = shards_only(axes, ranks);
    Index panels = 0;
    for (int rank = 0; rank < ranks; ++rank)
        panels = std::max(panels, shard_panels(axes.column, distribution.grid, rank).size());
    const Index held = hold ? panels : 1;
    Index vectors = 2;  // a vector and its product; each step's besides
    for (const Step& step : steps_of(problem.network, problem.reduction))
        vectors += static_cast<Index>(step.tensors.size());
    const Index parameters =
        2 * std::min(most_products_bytes, problem.network.parameters() * problem.reduction.sensitivities() *
                                              Index{sizeof(double)});
    return {feature_panels_bytes(axes.column, problem.network, problem.reduction, held, threads),
            vectors * problem.samples.count * problem.reduction.rows_per_sample() * Index{sizeof(double)} +
                parameters};
}

}  // namespace tangram
