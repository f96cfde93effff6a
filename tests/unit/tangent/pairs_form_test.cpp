// Form pairs where a sample has so many rows of J that they are gone through in groups; and what tiles allocate.

#include "allocations.hpp"
#include "graphs_on_positions.hpp"
#include "product_run.hpp"
#include "tangram/tangent/forms.hpp"

#include <doctest/doctest.h>

#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr Index positions = 4, outputs = 250;

/// Convolutions by pixels, in one group and in two, of patches, and a product, on four positions, then all outputs.
Network of_many_outputs(std::uint64_t seed) {
    Network network;
    network.values.push_back({"input", 24});
    const auto next = [&seed] { return seed++; };
    Index x = add_convolution(network, "pixels1", 0,
                              {6, 16, 1, {2, 2}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}}, next());
    x = add_activation(network, "tanh", x, 1);
    x = add_convolution(network, "pixels2", x, {16, 16, 2, {2, 2}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
                        next());
    x = add_activation(network, "tanh", x, 1);
    x = add_convolution(network, "patches", x, {16, 20, 1, {4}, {2}, {4}, {1}, {2}, {1}}, next());
    x = add_activation(network, "tanh", x, 1);
    x = add_product_on_rows(network, "product", x, {4, 20, 8, false, false, 1, {0}, {0}}, next());
    x = add_activation(network, "tanh", x, 1);
    network.output = add_random_dense(network, "head", x, outputs, next());
    return network;
}

std::vector<PreparedStep> pairs_of(const Network& network, const Reduction& reduction) {
    std::vector<PreparedStep> pairs;
    for (PreparedStep& prepared : prepare_steps(network, reduction)) {
        if (prepared.step.form == Form::pairs) pairs.push_back(std::move(prepared));
    }
    return pairs;
}

/// Bytes that making a tile of the step takes with new.
template <class T>
std::size_t taken_by_tile(const Network& network, const Reduction& reduction, const PreparedStep& prepared) {
    constexpr Index n = 5;
    const Index R = reduction.rows_per_sample();
    const auto width = [&](Index value) { return network.values[at(value)].size; };
    const Matrix<T> X(n, width(prepared.step.x));
    const Matrix<T> S(n * R, reduction.sensitivities() / R * width(prepared.step.s));
    const GramScratch<T> scratch(n, n, network, reduction);
    const StepTile<T> tile{prepared, X.view(), X.view(), S.view(), S.view(), n * R, n * R, false, R > 1};
    watch_allocations();
    (void)tile_routines_of<T>(prepared.step.form).prepare(tile, scratch);
    return most_allocated();
}

}  // namespace

TEST_CASE(
    "rows of J that are gone through in groups, of pixels, patches and products: K is the explicit J J^T") {
    const auto world = mpi::Communicator::world();
    const Network network = of_many_outputs(81);
    const Reduction reduction = make_reduction(ReductionKind::full, outputs);
    const std::vector<PreparedStep> pairs = pairs_of(network, reduction);
    REQUIRE(pairs.size() == 4);
    REQUIRE(outputs * positions > 768);  // more than one group
    const Matrix<double> X = random_samples(3, 24, 82);
    for (const Precision precision : {Precision::float64, Precision::float32}) {
        const Problem problem{network, reduction, set_of(X), {}, precision, 2};
        const Product& product = product_named("samples");
        const Shape shape = product.shape(problem);
        const ComputedProduct computed = compute_product(world, product, problem, shape, {}, 1);
        const auto samples = gradients(network, X);
        CHECK(worst_matrix(network, reduction, shape, computed.matrices, samples, samples) <
              (precision == Precision::float32 ? 5e-6 : 1e-13));
    }
}

TEST_CASE("the scratch of form pairs does not grow with the square of the rows of J a sample has") {
    const Network network = of_many_outputs(83);
    for (const PreparedStep& prepared : pairs_of(network, make_reduction(ReductionKind::full, outputs))) {
        const auto scratch = facts_of(Form::pairs).scratch_values;
        const Index few = scratch(*prepared.use, outputs, outputs);
        const Index many = scratch(*prepared.use, 16 * outputs, 16 * outputs);
        CHECK(few < 1000 * 1000);
        CHECK(many < 1000 * 1000);
    }
}

TEST_CASE("tiles of form pairs allocate nothing") {
    const Network network = random_on_positions(84);
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        const Reduction reduction = make_reduction(kind, 3);
        for (const PreparedStep& prepared : pairs_of(network, reduction)) {
            CHECK(taken_by_tile<float>(network, reduction, prepared) == 0);
            CHECK(taken_by_tile<double>(network, reduction, prepared) == 0);
        }
    }
}
