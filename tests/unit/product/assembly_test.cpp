// Oracle: the explicit Jacobian (tangent/reference/jacobian.hpp); plain sums for the conjugate kernels.

#include "product_run.hpp"
#include "tangram/support/error.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace tangram;
using namespace tangram::test;

namespace {

/// The largest relative error of any matrix against the oracle.
template <class T>
double worst_of_tiles(const mpi::Communicator& comm, const Network& network, const Reduction& reduction,
                      Index n, Index tile, bool& written_once) {
    const Matrix<double> X = random_samples(n, network.inputs(), 11);
    const Shape shape =
        make_shape(network, reduction, {n, tile}, sizeof(T) == 4 ? Precision::float32 : Precision::float64);
    const auto K = whole_matrices<T>(comm, network, reduction, shape, X.view(), 2, written_once);
    const auto samples = gradients(network, X);
    return worst_matrix(network, reduction, shape, K, samples, samples);
}

}  // namespace

TEST_CASE("every matrix of every reduction equals the explicit J J^T, whatever the tile size") {
    const auto world = mpi::Communicator::world();
    const Network networks[] = {
        random_network({4, 6, 5, 3}, {"tanh", "relu", "identity"}, {true, false, true}, 21),
        random_network({3, 1, 4, 2}, {"erf", "silu", "sigmoid"}, {false, true, true}, 22),
        random_network({5, 1}, {"identity"}, {true}, 23),
        random_network({2, 3, 3, 3, 3, 3, 3, 3, 2}, std::vector<std::string>(8, "elu"),
                       std::vector<bool>(8, true), 24),
    };
    for (const Network& network : networks) {
        for (const ReductionKind kind : all_reductions()) {
            const Reduction reduction = make_reduction(kind, network.outputs());
            for (const Index tile : {1, 3, 64}) {
                CAPTURE(to_string(kind));
                CAPTURE(tile);
                CAPTURE(network.nodes.size());
                bool written_once = false;
                CHECK(worst_of_tiles<double>(world, network, reduction, 7, tile, written_once) < 1e-13);
                CHECK(written_once);
                CHECK(worst_of_tiles<float>(world, network, reduction, 7, tile, written_once) < 2e-6);
                CHECK(written_once);
            }
        }
    }
}

TEST_CASE("one sample makes a 1 x 1 kernel on any number of ranks") {
    const auto world = mpi::Communicator::world();
    const Network network = random_network({3, 4, 2}, {"tanh", "identity"}, {true, true}, 25);
    bool written_once = false;
    CHECK(worst_of_tiles<double>(world, network, make_reduction(ReductionKind::trace, 2), 1, 64,
                                 written_once) < 1e-14);
    CHECK(written_once);
}

TEST_CASE(
    "the kernel has the same bits on all ranks together and on one, with components and without, on 1 thread "
    "and 3") {
    const auto world = mpi::Communicator::world();
    const auto alone = world.split(world.rank(), 0);
    const Network network =
        random_network({30, 40, 20, 4}, {"relu", "tanh", "identity"}, {true, true, true}, 26);
    const Matrix<double> X = random_samples(53, 30, 27);
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        const Reduction reduction = make_reduction(kind, 4);
        const Shape shape = make_shape(network, reduction, {53, 10}, Precision::float32);
        const Shape bare =
            make_shape(network, reduction, {53, 10}, Precision::float32, false, ConjugateKernels::none);
        bool once = false;
        const auto together = whole_matrices<float>(world, network, reduction, shape, X.view(), 1, once);
        const auto single = whole_matrices<float>(alone, network, reduction, shape, X.view(), 3, once);
        const auto total = whole_matrices<float>(world, network, reduction, bare, X.view(), 2, once);
        for (std::size_t m = 0; m < together.size(); ++m) {
            CAPTURE(shape.matrices[m].path);
            CHECK(std::memcmp(together[m].data(), single[m].data(),
                              static_cast<std::size_t>(single[m].size()) * sizeof(double)) == 0);
        }
        CHECK(std::memcmp(together.back().data(), total.back().data(),
                          static_cast<std::size_t>(total.back().size()) * sizeof(double)) == 0);
    }
}

TEST_CASE("the exchange receives what the formula says") {
    const auto world = mpi::Communicator::world();
    const Network network = random_network({30, 40, 4}, {"relu", "tanh"}, {true, true}, 28);
    const Reduction reduction = make_reduction(ReductionKind::trace, 4);
    const Grid grid = make_grid(world.size());
    const Index n = Index{16} * grid.active();  // whole panels, as many on each rank
    const Matrix<double> X = random_samples(n, 30, 29);
    const Shape shape = make_shape(network, reduction, {n, 4}, Precision::float64);
    const Index received =
        run_tiles<double>(world, network, reduction, shape, X.view(), 1, [](const FinishedPlane<double>&) {});
    const auto D = static_cast<double>(30 + 40 + 4 * 40 + 4 * 4);
    const double r = grid.rows;
    const double c = grid.cols;
    const double formula = static_cast<double>(n) * D * (1 / r + 1 / c - 2 / (r * c)) * 8;
    const double mine = world.rank() < grid.active() ? formula : 0.0;
    CHECK(static_cast<double>(received) >= mine * 0.999999);
    CHECK(static_cast<double>(received) <= mine * 1.05 + 1);  // padding to cache lines
}

TEST_CASE("what the sink throws ends the tile loop and comes out of it") {
    const auto alone = mpi::Communicator::world().split(mpi::Communicator::world().rank(), 0);
    const Network network = random_network({3, 4, 2}, {"tanh", "identity"}, {true, true}, 30);
    const Reduction reduction = make_reduction(ReductionKind::trace, 2);
    const Matrix<double> X = random_samples(60, 3, 31);
    const Shape shape = make_shape(network, reduction, {60, 2}, Precision::float32);
    int planes = 0;
    CHECK_THROWS_WITH_AS(run_tiles<float>(alone, network, reduction, shape, X.view(), 2,
                                          [&](const FinishedPlane<float>&) {
                                              if (++planes == 5) fail(ExitCode::io, "the disk is full");
                                          }),
                         "the disk is full", Error);
    CHECK(planes == 5);
}

TEST_CASE("a kernel entry that overflows is refused from the features, naming layer and sample") {
    const auto alone = mpi::Communicator::world().split(mpi::Communicator::world().rank(), 0);
    const Network network = random_network({2, 3, 1}, {"identity", "identity"}, {false, false}, 32);
    Matrix<double> X = random_samples(6, 2, 33);
    X(5, 0) = 1e25;  // its square overflows float32
    const Reduction reduction = make_reduction(ReductionKind::trace, 1);
    const Shape shape = make_shape(network, reduction, {6, 2}, Precision::float32);
    int planes = 0;
    CHECK_THROWS_WITH_AS(
        run_tiles<float>(alone, network, reduction, shape, X.view(), 1,
                         [&](const FinishedPlane<float>&) { ++planes; }),
        doctest::Contains("input of layer fc1 is 1e+50, beyond float32 (fc1.weight, (3, 2); sample 5)"),
        Error);
    CHECK(planes == 0);
}

TEST_CASE("a tile whose features went wrong after they were looked at is refused, naming its samples") {
    const auto alone = mpi::Communicator::world().split(mpi::Communicator::world().rank(), 0);
    const Network network = random_network({2, 3, 1}, {"identity", "identity"}, {false, false}, 32);
    const Matrix<double> X = random_samples(6, 2, 33);
    const Reduction reduction = make_reduction(ReductionKind::trace, 1);
    const Shape shape = make_shape(network, reduction, {6, 2}, Precision::float32);
    const Distribution distribution = distribute(shape.axes, 1, 0);
    FeatureStore<float> store(shape.axes, distribution.grid, 0, network, reduction, {});
    Matrix<double> outputs(6, 1);
    compute_shard_features(network, reduction, distribution.own.front(), X.view(), 1, store, outputs.view());
    store.panels().block(2)[0] = 1e25F;
    const TileLoopSetup setup{alone, network, reduction, shape, 1};
    CHECK_THROWS_WITH_AS(run_tile_loop<float>(setup, distribution, store, [](const FinishedPlane<float>&) {}),
                         doctest::Contains("between samples 4 to 5"), Error);
}
