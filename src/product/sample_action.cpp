#include "step_products.hpp"
#include "tangram/product/action.hpp"
#include "tangram/product/matrices.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/threads.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

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

/// Calls work(k) for all of these: steps made by gemm one after the other, on all threads together; the others each on a thread.
template <class Work>
void share_out_steps(std::vector<StepProducts>& all, int threads, Work work) {
    {
        const blas::BlasThreads together(threads);
        for (StepProducts& one : all) {
            if (one.step.form == Form::outer) work(one);
        }
    }
    share_out(threads, std::size_t{0}, all.size(), [&](std::size_t k, int) {
        if (all[k].step.form != Form::outer) work(all[k]);
    });
}

/// [step][tensor of the step]: K v, by row of `to`'s axis.
using ProductsOfSteps = std::vector<std::vector<std::vector<double>>>;

/// Collective. Adds factor J (J^T v) of these steps and rows to theirs, every panel asked for twice at most.
void add_products(const mpi::Communicator& world, const Problem& problem, int threads, const Side& from,
                  const Side& to, const std::vector<double>& v, std::vector<StepProducts> these,
                  ProductsOfSteps& products) {
    const Index rows_each = problem.reduction.rows_per_sample();
    for (Index panel = from.range.begin; panel < from.range.end; ++panel) {
        const Matrix<double> y = rows_of_panel(from, panel, rows_each, v);
        const FeatureView view = from.panels.view(panel);
        share_out_steps(these, threads, [&](StepProducts& one) { add_transposed(view, y.view(), one); });
    }
    for (StepProducts& one : these) {
        for (Matrix<double>& array : one.V.arrays) mpi::sum(world, {array.data(), at(array.size())});
    }
    for (Index panel = to.range.begin; panel < to.range.end; ++panel) {
        const FeatureView view = to.panels.view(panel);
        std::vector<std::vector<Matrix<double>>> found(these.size());
        share_out_steps(these, threads, [&](StepProducts& one) {
            found[at(&one - these.data())] = action_of(view, rows_each, one);
        });
        for (std::size_t k = 0; k < these.size(); ++k) {  // in the order of the rows
            for (std::size_t t = 0; t < found[k].size(); ++t) {
                double* const rows = products[these[k].index][t].data() + to.axis().begin(panel) * rows_each;
                for (Index i = 0; i < found[k][t].size(); ++i)
                    rows[i] += problem.reduction.factor() * found[k][t].data()[i];
            }
        }
    }
}

/// Collective. K v of every step's tensors. J^T v of as many steps and rows as there is room for is made in one round.
ProductsOfSteps products_of_steps(const mpi::Communicator& world, const Problem& problem,
                                  const std::vector<Step>& steps, int threads, const Side& from,
                                  const Side& to, const std::vector<double>& v) {
    const Index rounds = problem.reduction.is_full() ? 1 : problem.reduction.sensitivities();
    const std::size_t rows = at(to.axis().extent * problem.reduction.rows_per_sample());
    ProductsOfSteps products;
    std::vector<StepProducts> these;
    Index bytes = 0;
    const auto finish = [&] {
        add_products(world, problem, threads, from, to, v, std::exchange(these, {}), products);
        bytes = 0;
    };
    for (std::size_t k = 0; k < steps.size(); ++k) {
        products.emplace_back(steps[k].tensors.size(), std::vector<double>(rows));
        Index size = 0;
        for (const StepTensor& its : steps[k].tensors) size += problem.network.tensors[at(its.tensor)].size();
        for (Index round = 0; round < rounds; ++round) {
            const Index its = size * Index{sizeof(double)};
            if (!these.empty() && bytes + its > most_products_bytes) finish();
            these.push_back({steps[k], k, round, StepArrays(problem.network, steps[k])});
            bytes += its;
        }
    }
    if (!these.empty()) finish();
    return products;
}

/// Collective. X_to (X_from^T v) of what a step's weight is applied to.
std::vector<double> conjugate_products(const mpi::Communicator& world, const Problem& problem,
                                       const Step& step, const Side& from, const Side& to,
                                       const std::vector<double>& v) {
    std::vector<double> w(at(problem.network.values[at(*step.weighted)].size));
    for (Index panel = from.range.begin; panel < from.range.end; ++panel) {
        const auto X = from.panels.view(panel).value(*step.weighted);
        for (Index i = 0; i < X.rows; ++i) {
            const double sign = v[at(from.axis().begin(panel) + i)];
            for (Index j = 0; j < X.cols; ++j) w[at(j)] += sign * X(i, j);
        }
    }
    mpi::sum(world, w);
    std::vector<double> products(at(to.axis().extent));
    for (Index panel = to.range.begin; panel < to.range.end; ++panel) {
        const auto X = to.panels.view(panel).value(*step.weighted);
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
                                               const Shape& shape, int threads, const Side& from,
                                               const Side& to, const std::vector<double>& v) {
    const std::size_t rows = at(to.axis().extent * problem.reduction.rows_per_sample());
    std::vector<std::vector<double>> all(shape.matrices.size());
    all.back().resize(rows);
    const std::vector<Step> steps = steps_of(problem.network, problem.reduction);
    ProductsOfSteps products = products_of_steps(world, problem, steps, threads, from, to, v);
    for (std::size_t k = 0; k < steps.size(); ++k) {
        const std::vector<StepTensor>& tensors = steps[k].tensors;
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            add_to(all.back(), products[k][t]);
            if (const auto m = component_of(shape, tensors[t].tensor))
                all[at(*m)] = std::move(products[k][t]);
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
    const int threads = resources.threads;
    const KeptFeatures none;
    const KeptFeatures& kept = resources.kept != nullptr ? *resources.kept : none;
    std::unique_ptr<FeaturePanels> own_columns, own_rows;
    const auto side = [&](const Axis& axis, const ReadSamples& read, const Reduction& reduction,
                          const std::unique_ptr<FeaturePanels>& its, std::unique_ptr<FeaturePanels>& own) {
        const PanelRange range = shard_panels(axis, distribution.grid, world.rank());
        if (its != nullptr) return Side{*its, range};
        own = std::make_unique<FeaturePanels>(axis, problem.network, reduction, read);
        if (resources.hold_features) own->compute(range, threads);
        return Side{*own, range};
    };
    const Side columns =
        side(axes.column, problem.samples.read, problem.reduction, kept.columns, own_columns);
    if (axes.symmetric) return {products_with(world, problem, shape, threads, columns, columns, v), {}};
    const Side rows =
        side(axes.row, problem.test->read, problem.reduction_of(SetOfSamples::test), kept.rows, own_rows);
    return {products_with(world, problem, shape, threads, columns, rows, v),
            products_with(world, problem, shape, threads, rows, columns, u)};
}

}  // namespace tangram
