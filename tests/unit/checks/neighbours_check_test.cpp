// The checks of neighbours of a matrix that is not stored.

#include "tangram/checks/neighbours_check.hpp"

#include "product_run.hpp"
#include "tangram/support/sample_choice.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr Index N = 40, M = 9, check_samples = 6;

/// A run that stores nothing, and its report; `read`: the most samples that were asked for at once.
struct Checked {
    CheckReport report;
    std::size_t read = 0;
};

Checked check(const char* product_name, Index K, double spoil) {
    const mpi::Communicator world = mpi::Communicator::world();
    const Network network = random_network({4, 6, 2}, {"tanh", "identity"}, {true, true}, 91);
    const Reduction reduction = make_reduction(ReductionKind::full, 2);
    const Matrix<double> X = random_samples(N, 4, 92), Y = random_samples(M, 4, 93);
    Problem problem{network, reduction, set_of(X), {}, Precision::float64, {}};
    const Product& product = product_named(product_name);
    if (std::string(product_name) != "samples") problem.test = set_of(Y);
    Shape shape = product.shape(problem);
    shape.stored = false;
    Neighbours neighbours(shape, K);
    const auto total = static_cast<Index>(shape.total_index());
    const auto take = [&](const auto& plane) {
        if (plane.matrix != total) return;
        neighbours.take(plane);
    };
    ComputedProduct kept;
    product.compute(
        {world, problem, shape, MemoryPlan{}, 1, TileSet{}, keeping_hooks(problem, kept, {take, take})});
    neighbours.merge(world);
    Checked checked;
    checked.report.run = true;
    checked.report.tolerance = 1e-12;
    checked.report.samples = spread_check_samples(N, check_samples);
    checked.report.test_samples = spread_check_samples(problem.test ? M : 0, check_samples);
    CheckInputs inputs;
    inputs.read = [&](SetOfSamples set, const std::vector<std::int64_t>& samples) {
        const Matrix<double>& from = set == SetOfSamples::test ? Y : X;
        Matrix<double> some(static_cast<Index>(samples.size()), from.cols());
        for (std::size_t k = 0; k < samples.size(); ++k)
            std::copy_n(from.view().row(samples[k]), from.cols(), some.view().row(static_cast<Index>(k)));
        checked.read = std::max(checked.read, samples.size());
        return some;
    };
    if (spoil != 0 && world.is_root())  // the last of row 0
        const_cast<BestEntries&>(neighbours.largest()).values[at(K - 1)] += spoil;
    const std::string nowhere;
    check_neighbours({world, product, problem, shape, nowhere, {1, false, nullptr}}, inputs, neighbours,
                     checked.report);
    return checked;
}

}  // namespace

TEST_CASE(
    "neighbours are checked with no more samples at once than the plan has memory for, however many they are") {
    for (const char* product : {"samples", "test x train"}) {
        for (const Index K : {Index{1}, Index{3}, 2 * N - 2}) {
            const Checked checked = check(product, K, 0);
            CHECK(checked.read <= at(check_samples));
            CHECK(checked.report.neighbours_error < 1e-13);
        }
    }
}

TEST_CASE("a wrong entry among the neighbours of the first row is seen, the best or the last of them") {
    CHECK(check("samples", 1, 1e-3).report.neighbours_error > 1e-7);
    CHECK(check("samples", 2 * N - 2, 1e-3).report.neighbours_error > 1e-7);
}
