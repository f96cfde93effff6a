// A plan says what a run will take: held against what malloc counts while the product computes under it.

#include "tangram/product/plan.hpp"

#include "memory_watch.hpp"
#include "product_run.hpp"
#include "tangram/product/parameter_gram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr Index MiB = 1 << 20;

/// One product with features, tiles and scratch of some hundred KiB each: buffers from 2 MiB on begin on huge pages, and malloc
/// counts what it skips for that.
struct PlannedProduct {
    PlannedProduct(const char* name, Index N, Index M, const Reduction& reduced)
        : product(product_named(name)), reduction(reduced), X(random_samples(N, 30, 131)) {
        problem.samples = set_of(X);
        if (M == 0) return;
        Y = random_samples(M, 30, 132);
        problem.test = set_of(Y);
    }
    [[nodiscard]] MemoryPlan plan(int ranks, int threads, Index room, Index check_samples = 0) const {
        return product.plan({problem, product.shape(problem), ranks, threads, check_samples, room});
    }
    /// The least room, to a KiB, in which there is a plan.
    [[nodiscard]] Index tightest_room(int ranks, int threads) const {
        Index too_little = 0, enough = 1024 * MiB;
        REQUIRE(plan(ranks, threads, enough).fits);
        while (enough - too_little > 1024) {
            const Index middle = (too_little + enough) / 2;
            (plan(ranks, threads, middle).fits ? enough : too_little) = middle;
        }
        return enough;
    }
    /// Collective. What this rank takes at most.
    [[nodiscard]] Index measured(const mpi::Communicator& comm, const MemoryPlan& plan, int threads) const {
        const Shape shape = product.shape(problem);
        ComputedProduct kept;
        std::function<void()> look;
        const auto drop = [&look](const auto&) { look(); };
        const ComputeHooks hooks = keeping_hooks(problem, kept, {drop, drop});
        const TileSet none;
        return most_bytes_of([&](const auto& look_now) {
            look = look_now;
            product.compute({comm, problem, shape, plan, threads, none, hooks});
        });
    }
    const Product& product;
    Network network = random_network({30, 20, 10, 3}, {"tanh", "tanh", "identity"}, {true, true, true}, 130);
    Reduction reduction;
    Matrix<double> X, Y;
    Problem problem{network, reduction, {}, {}, Precision::float64, 50};
};

/// On all ranks: a run takes no more than its plan says and little less, with all the room there is and with the least.
void check_plan(const PlannedProduct& planned, int threads) {
    const auto world = mpi::Communicator::world();
    for (const Index room : {1024 * MiB, planned.tightest_room(world.size(), threads)}) {
        const MemoryPlan plan = planned.plan(world.size(), threads, room);
        CAPTURE(planned.product.name);
        CAPTURE(room);
        CAPTURE(threads);
        CAPTURE(plan.needed);
        REQUIRE(plan.fits);
        CHECK(plan.needed <= room);
        const Index taken = planned.measured(world, plan, threads);
        CHECK(taken <= plan.needed + plan.needed / 50 + MiB / 2);  // blocks on pages, and what MPI takes
        // The plan is that of the rank with the most.
        CHECK(mpi::maximum(world, static_cast<double>(taken)) >= 0.5 * static_cast<double>(plan.needed));
    }
}

std::vector<std::unique_ptr<PlannedProduct>> all_products() {
    std::vector<std::unique_ptr<PlannedProduct>> all;
    const Reduction trace = make_reduction(ReductionKind::trace, 3);
    all.push_back(std::make_unique<PlannedProduct>("samples", 1000, 0, trace));
    all.push_back(
        std::make_unique<PlannedProduct>("samples", 400, 0, make_reduction(ReductionKind::full, 3)));
    all.push_back(std::make_unique<PlannedProduct>("test x train", 1000, 300, trace));
    all.push_back(std::make_unique<PlannedProduct>("params", 3000, 0, trace));
    all.back()->problem.tile = 200;
    return all;
}

}  // namespace

TEST_CASE("a run of each product takes the memory that its plan says, in much room and in the least") {
    for (const auto& planned : all_products()) {
        for (const int threads : {1, 3}) check_plan(*planned, threads);
    }
}

TEST_CASE("there is no plan where nothing helps, and what is said to be needed is then more than the room") {
    for (const auto& planned : all_products()) {
        CAPTURE(planned->product.name);
        for (const int ranks : {1, 2, 7, 40}) {
            for (const Index room : {Index{0}, Index{1}, Index{100000}}) {
                const MemoryPlan plan = planned->plan(ranks, 2, room);
                CHECK_FALSE(plan.fits);
                CHECK(plan.needed > room);
            }
        }
    }
}

TEST_CASE("what fits in some room fits in more, and a plan stays within its room") {
    for (const auto& planned : all_products()) {
        for (const int ranks : {1, 3, 8}) {
            CAPTURE(planned->product.name);
            CAPTURE(ranks);
            bool fitted = false;
            for (Index room = MiB; room < 200 * MiB; room += room / 7) {
                const MemoryPlan plan = planned->plan(ranks, 2, room, 10);
                CHECK((plan.fits || !fitted));
                CHECK(plan.fits == (plan.needed <= room));
                fitted = plan.fits;
            }
            CHECK(fitted);
        }
    }
}

TEST_CASE("plans grow with the threads, and for J^T J by a batch of features for each at least") {
    for (const auto& planned : all_products()) {
        CAPTURE(planned->product.name);
        Index before = 0;
        for (const int threads : {1, 2, 4, 16}) {
            const MemoryPlan plan = planned->plan(1, threads, 4096 * MiB);
            CHECK(plan.needed > before);
            before = plan.needed;
        }
    }
    const auto params = std::move(all_products().back());
    const auto features = [&](int threads) {
        const GramProblem gram{params->network, params->reduction,
                               params->product.shape(params->problem).axes.row, params->problem.samples};
        return batch_bytes(gram, {threads, 2, threads});
    };
    const Axis batches = sample_batches(params->X.rows(), params->reduction);
    const Index batch = panel_bytes(params->network, params->reduction, batches.panel_size, sizeof(double));
    CHECK(features(4) - features(1) >= 3 * batch);
}

TEST_CASE("checks are in the plan, with features held only where there is room for them") {
    for (const auto& planned : all_products()) {
        CAPTURE(planned->product.name);
        const MemoryPlan wide = planned->plan(1, 2, 4096 * MiB, 20);
        CHECK(wide.hold_probe_features);
        CHECK(wide.lines.back().bytes > 0);
        CHECK(planned->plan(1, 2, 4096 * MiB, 0).lines.back().bytes == 0);
    }
    const auto samples = std::move(all_products().front());
    const Index room = samples->tightest_room(1, 2);
    const MemoryPlan narrow = samples->plan(1, 2, room, 20);
    CHECK(narrow.needed <= samples->plan(1, 2, 4096 * MiB, 20).needed);
}
