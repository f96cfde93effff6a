// Products acting on vectors, against explicit matrices acting on them.

#include "graphs_on_positions.hpp"
#include "product_run.hpp"

#include <doctest/doctest.h>

using namespace tangram;
using namespace tangram::test;

namespace {

std::vector<double> random_vector(Index length, std::uint64_t seed) {
    const Matrix<double> row = random_samples(1, length, seed);
    return {row.data(), row.data() + length};
}

/// max |found - K v| / max |K v|, or of K^T u.   v: at least as many entries as K has columns
double error_of_product(std::vector<double> found, const Matrix<double>& K, const std::vector<double>& v,
                        bool transposed) {
    const Index rows = transposed ? K.cols() : K.rows();
    if (static_cast<Index>(found.size()) != rows) return std::numeric_limits<double>::infinity();
    double worst = 0, largest = 0;
    for (Index i = 0; i < rows; ++i) {
        double expected = 0;
        for (Index j = 0; j < (transposed ? K.rows() : K.cols()); ++j)
            expected += (transposed ? K(j, i) : K(i, j)) * v[at(j)];
        keep_worst(worst, std::abs(found[at(i)] - expected));
        largest = std::max(largest, std::abs(expected));
    }
    return worst / largest;
}

/// Collective. The largest error of a product's action on v and u over all its matrices.
double worst_action(const mpi::Communicator& world, const Product& product, const Problem& problem,
                    const std::vector<SampleGradient>& rows, const std::vector<SampleGradient>& columns,
                    const ActionResources& resources) {
    const Shape shape = product.shape(problem);
    const std::vector<Matrix<double>> K =
        explicit_matrices(problem.network, problem.reduction, shape, rows, columns);
    const auto v = random_vector(shape.columns(shape.total()), 111);
    const auto u = random_vector(shape.rows(shape.total()), 112);
    const Distribution distribution = product.distribute(shape, world.size(), world.rank(), {});
    Action action = product.act(world, problem, shape, distribution, resources, v, u);
    CHECK(action.on_rows.size() == (shape.axes.symmetric ? 0 : K.size()));
    double worst = 0;
    for (std::size_t m = 0; m < K.size(); ++m) {
        mpi::sum(world, action.on_columns[m]);
        keep_worst(worst, error_of_product(action.on_columns[m], K[m], v, false));
        if (shape.axes.symmetric) continue;
        mpi::sum(world, action.on_rows[m]);
        keep_worst(worst, error_of_product(action.on_rows[m], K[m], u, true));
    }
    return worst;
}

}  // namespace

TEST_CASE(
    "K v, and K^T u of test samples, are those of the explicit matrices, features kept or computed again") {
    const auto world = mpi::Communicator::world();
    const Network networks[] = {random_residual(4, 5, 113), random_doubled(3, 4, 114),
                                random_gated(3, 4, 115),    random_bilinear(3, 117),
                                random_softmax(3, 4, 118),  random_on_positions(119)};
    for (const Network& network : networks) {
        std::vector<Reduction> reductions;
        for (const ReductionKind kind : all_reductions())
            reductions.push_back(make_reduction(kind, network.outputs()));
        for (const Reduction& reduction : reductions) {
            for (const auto& sizes : {std::pair<Index, Index>{1, 1}, {2, 11}, {11, 4}}) {
                const Index M = sizes.first, N = sizes.second;
                const Matrix<double> X = random_samples(N, network.inputs(), 115);
                const Matrix<double> Y = random_samples(M, network.inputs(), 116);
                const auto columns = gradients(network, X), rows = gradients(network, Y);
                Problem problem{network, reduction, set_of(X), {}, Precision::float64, 3};
                problem.conjugate_kernels = ConjugateKernels::all;
                for (const ActionResources& resources :
                     {ActionResources{1, true}, ActionResources{2, false}}) {
                    CAPTURE(to_string(reduction.kind));
                    CAPTURE(M);
                    CAPTURE(resources.hold_features);
                    problem.test.reset();
                    CHECK(worst_action(world, product_named("samples"), problem, columns, columns,
                                       resources) < 1e-12);
                    problem.test = set_of(Y);
                    CHECK(worst_action(world, product_named("test x train"), problem, rows, columns,
                                       resources) < 5e-12);
                }
            }
        }
    }
}

TEST_CASE("K v with rows of each sample's own is that of the explicit matrix") {
    const auto world = mpi::Communicator::world();
    const Network network = random_residual(4, 5, 117);
    const Matrix<double> X = random_samples(9, 4, 118);
    const auto samples = gradients(network, X);
    for (const Index R : {1, 2}) {
        const Reduction reduction = make_rows(9, R, 3, 119);
        const Problem problem{network, reduction, set_of(X), {}, Precision::float64, 2};
        CHECK(worst_action(world, product_named("samples"), problem, samples, samples, {}) < 1e-12);
    }
}

TEST_CASE(
    "f J^T J u and the trace are those of the explicit Jacobian of a graph with sums, over several batches") {
    const auto world = mpi::Communicator::world();
    const Network network = random_residual(2, 3, 120);
    for (const ReductionKind kind :
         {ReductionKind::trace, ReductionKind::mean, ReductionKind::sum, ReductionKind::logit}) {
        const Reduction reduction = make_reduction(kind, 3);
        const Matrix<double> X = random_samples(2100, 2, 121);
        const auto samples = gradients(network, X);
        const Problem problem{network, reduction, set_of(X), {}, Precision::float64, 8};
        const auto u = random_vector(network.parameters(), 122);
        std::vector<Matrix<double>> J;
        for (std::size_t t = 0; t < network.tensors.size(); ++t)
            J.push_back(jacobian_block(network, reduction, static_cast<Index>(t), samples, 0,
                                       network.tensors[t].units()));
        const double f = kind == ReductionKind::mean ? 1.0 / 3 : 1;
        std::vector<double> expected(u.size());
        double trace = 0;
        for (Index row = 0; row < J.front().rows(); ++row) {
            double y = 0;
            std::size_t p = 0;
            for (const Matrix<double>& block : J) {
                for (Index k = 0; k < block.cols(); ++k) {
                    y += block(row, k) * u[p++];
                    trace += f * block(row, k) * block(row, k);
                }
            }
            p = 0;
            for (const Matrix<double>& block : J) {
                for (Index k = 0; k < block.cols(); ++k) expected[p++] += f * block(row, k) * y;
            }
        }
        for (const int threads : {1, 3}) {
            Action action = act_on_parameters(world, problem, threads, u);
            mpi::sum(world, action.on_columns.front());
            double worst = 0, largest = 0;
            for (std::size_t p = 0; p < u.size(); ++p) {
                keep_worst(worst, std::abs(action.on_columns.front()[p] - expected[p]));
                largest = std::max(largest, std::abs(expected[p]));
            }
            CHECK(worst < 1e-12 * largest);
            CHECK(action.trace == doctest::Approx(trace).epsilon(1e-12));
        }
    }
}
