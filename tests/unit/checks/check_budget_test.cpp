// How many check samples a run affords.

#include "tangram/checks/check_budget.hpp"

#include "random_networks.hpp"

#include <doctest/doctest.h>

using namespace tangram;
using namespace tangram::test;

namespace {

Index affordable(const Network& network, const Reduction& reduction, Index samples) {
    const Problem problem{network, reduction, {samples, {}}, {}, Precision::float32, {}};
    const Product& product = product_named("samples");
    return affordable_check_samples(product, problem, product.shape(problem));
}

}  // namespace

TEST_CASE("a dense chain has 16 check samples, however few samples there are") {
    const Network chain = random_network({6, 8, 3}, {"tanh", "identity"}, {true, true}, 5);
    for (const Index samples : {1, 30, 100000})
        CHECK(affordable(chain, make_reduction(ReductionKind::trace, 3), samples) == 16);
}

TEST_CASE(
    "a graph has as many check samples as a fifth of its run allows: 3 of a short one, 16 of a long one") {
    const Network graph = random_residual(40, 50, 6);
    const Reduction reduction = make_reduction(ReductionKind::trace, graph.outputs());
    CHECK(affordable(graph, reduction, 10) == 3);
    Index last = 3;
    for (Index samples = 20; samples <= 200000; samples *= 2) {
        const Index count = affordable(graph, reduction, samples);
        CHECK(count >= last);
        last = count;
    }
    CHECK(last == 16);
}
