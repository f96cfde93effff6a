#include "tangram/product/action.hpp"
#include "tangram/product/matrices.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/tangent/jacobian_action.hpp"

#include <algorithm>
#include <functional>

namespace tangram {

namespace {

/// This rank's samples along one axis.
struct Side {
    FeaturePanels& panels;
    PanelRange range;
    [[nodiscard]] const Axis& axis() const { return panels.samples(); }
};

/// The part of a vector with one entry a kernel row that belongs to a panel, as y (n, R') of sensitivities [first, first + m):
/// for full each row has its own sensitivity, else all of them the sample's one entry.
Matrix<double> rows_of_panel(const Side& side, Index panel, Index rows_each, const std::vector<double>& v) {
    Matrix<double> y(side.axis().size(panel), rows_each);
    std::copy_n(v.data() + side.axis().begin(panel) * rows_each, y.size(), y.data());
    return y;
}

/// Memory for one array a tensor of a step, zero.
struct StepArrays {
    StepArrays(const Network& network, const Step& step) {
        for (const StepTensor& its : step.tensors) {
            const ParameterTensor& tensor = network.tensors[at(its.tensor)];
            arrays.emplace_back(tensor.units(), tensor.unit_size());
        }
    }
    [[nodiscard]] StepParameters pointers() {
        StepParameters all;
        for (Matrix<double>& array : arrays) all.push_back(array.data());
        return all;
    }
    std::vector<Matrix<double>> arrays;
};

/// Collective. products[k] += factor J (J^T v) of the step's k-th tensor, by row of `to`'s axis.
void add_step_products(const mpi::Communicator& world, const Problem& problem, const Step& step,
                       const Side& from, const Side& to, const std::vector<double>& v,
                       std::vector<std::vector<double>>& products) {
    const Reduction& reduction = problem.reduction;
    const Index rows_each = reduction.rows_per_sample();
    const Index rounds = reduction.is_full() ? 1 : reduction.sensitivities();
    for (Index round = 0; round < rounds; ++round) {
        StepArrays V(problem.network, step);
        for (Index panel = from.range.begin; panel < from.range.end; ++panel) {
            const Matrix<double> y = rows_of_panel(from, panel, rows_each, v);
            add_transposed_action(from.panels.view(panel), step, round, y.view(), V.pointers());
        }
        for (Matrix<double>& array : V.arrays) mpi::sum(world, {array.data(), at(array.size())});
        for (Index panel = to.range.begin; panel < to.range.end; ++panel) {
            std::vector<Matrix<double>> y(products.size());
            for (Matrix<double>& one : y) one = Matrix<double>(to.axis().size(panel), rows_each);
            add_action(to.panels.view(panel), step, round, V.pointers(), y);
            for (std::size_t k = 0; k < y.size(); ++k) {
                double* const rows = products[k].data() + to.axis().begin(panel) * rows_each;
                for (Index i = 0; i < y[k].size(); ++i) rows[i] += reduction.factor() * y[k].data()[i];
            }
        }
    }
}

/// Collective. X_to (X_from^T v) of a step's input.
std::vector<double> conjugate_products(const mpi::Communicator& world, const Problem& problem,
                                       const Step& step, const Side& from, const Side& to,
                                       const std::vector<double>& v) {
    std::vector<double> w(at(problem.network.values[at(step.x)].size));
    for (Index panel = from.range.begin; panel < from.range.end; ++panel) {
        const auto X = from.panels.view(panel).X(step);
        for (Index i = 0; i < X.rows; ++i) {
            const double sign = v[at(from.axis().begin(panel) + i)];
            for (Index j = 0; j < X.cols; ++j) w[at(j)] += sign * X(i, j);
        }
    }
    mpi::sum(world, w);
    std::vector<double> products(at(to.axis().extent));
    for (Index panel = to.range.begin; panel < to.range.end; ++panel) {
        const auto X = to.panels.view(panel).X(step);
        for (Index i = 0; i < X.rows; ++i) {
            for (Index j = 0; j < X.cols; ++j) products[at(to.axis().begin(panel) + i)] += X(i, j) * w[at(j)];
        }
    }
    return products;
}

void add_to(std::vector<double>& total, const std::vector<double>& part) {
    std::transform(part.begin(), part.end(), total.begin(), total.begin(), std::plus<>());
}

/// Collective. K v of every matrix.
std::vector<std::vector<double>> products_with(const mpi::Communicator& world, const Problem& problem,
                                               const Shape& shape, const Side& from, const Side& to,
                                               const std::vector<double>& v) {
    const std::size_t rows = at(to.axis().extent * problem.reduction.rows_per_sample());
    std::vector<std::vector<double>> all(shape.matrices.size());
    all.back().resize(rows);
    const std::vector<Step> steps = steps_of(problem.network);
    for (std::size_t k = 0; k < steps.size(); ++k) {
        const std::vector<StepTensor>& tensors = steps[k].tensors;
        std::vector<std::vector<double>> products(tensors.size(), std::vector<double>(rows));
        add_step_products(world, problem, steps[k], from, to, v, products);
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            add_to(all.back(), products[t]);
            if (const auto m = component_of(shape, tensors[t].tensor)) all[at(*m)] = std::move(products[t]);
        }
        if (const auto m = conjugate_matrix_of(shape, static_cast<Index>(k)))
            all[at(*m)] = conjugate_products(world, problem, steps[k], from, to, v);
    }
    return all;
}

}  // namespace

Action act_on_samples(const mpi::Communicator& world, const Problem& problem, const Shape& shape,
                      const Distribution& distribution, const ActionResources& resources,
                      const std::vector<double>& v, const std::vector<double>& u) {
    const Axes& axes = shape.axes;
    FeaturePanels column_panels(axes.column, problem.network, problem.reduction, problem.samples.read);
    const Side columns{column_panels, shard_panels(axes.column, distribution.grid, world.rank())};
    if (resources.keep_features) column_panels.compute(columns.range, resources.threads);
    if (axes.symmetric) {
        const blas::BlasThreads blas_threads(resources.threads);
        return {products_with(world, problem, shape, columns, columns, v), {}};
    }
    FeaturePanels row_panels(axes.row, problem.network, problem.reduction_of_test(), problem.test->read);
    const Side rows{row_panels, shard_panels(axes.row, distribution.grid, world.rank())};
    if (resources.keep_features) row_panels.compute(rows.range, resources.threads);
    const blas::BlasThreads blas_threads(resources.threads);
    return {products_with(world, problem, shape, columns, rows, v),
            products_with(world, problem, shape, rows, columns, u)};
}

}  // namespace tangram
