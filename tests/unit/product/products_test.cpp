// The products of samples through the functions that a run calls, against explicit Jacobians: J J^T of graphs with sums, and
// J_test J_train^T.

#include "product_run.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tangram;
using namespace tangram::test;

namespace {

template <class T>
constexpr double limit = sizeof(T) == sizeof(float) ? 3e-6 : 1e-13;

Problem problem_of(const Network& network, const Reduction& reduction, const Matrix<double>& X,
                   Precision precision, Index tile) {
    Problem problem{network, reduction, set_of(X), {}, precision, tile};
    problem.conjugate_kernels = ConjugateKernels::all;
    return problem;
}

/// A plan whose features pass in slices, some of them resident.
MemoryPlan plan_of(const Residency& residency) {
    MemoryPlan plan;
    plan.residency = residency;
    return plan;
}

/// M test samples against N, everything explicit beside them.
struct TestCase {
    TestCase(const Network& of, const Reduction& reduced, Index M, Index N, Precision precision, Index tile)
        : network(of),
          reduction(reduced),
          X(random_samples(N, of.inputs(), 81)),
          Y(random_samples(M, of.inputs(), 82)),
          problem(problem_of(of, reduction, X, precision, tile)) {
        problem.test = set_of(Y);
        shape = product_named("test x train").shape(problem);
    }
    [[nodiscard]] ComputedProduct compute(const mpi::Communicator& comm, const Residency& residency = {},
                                          int threads = 1) const {
        return compute_product(comm, product_named("test x train"), problem, shape, plan_of(residency),
                               threads);
    }
    const Network& network;
    Reduction reduction;
    Matrix<double> X, Y;
    Problem problem;
    Shape shape;
};

/// The largest relative error of matrices, outputs and diagonals.
double worst_of(const TestCase& c, const ComputedProduct& computed) {
    const auto rows = gradients(c.network, c.Y);
    const auto columns = gradients(c.network, c.X);
    double worst = computed.written_once
                       ? worst_matrix(c.network, c.reduction, c.shape, computed.matrices, rows, columns)
                       : std::numeric_limits<double>::infinity();
    const auto outputs = [&](const Matrix<double>& found, const std::vector<SampleGradient>& samples) {
        for (std::size_t i = 0; i < samples.size(); ++i) {
            for (std::size_t o = 0; o < samples[i].outputs.size(); ++o)
                keep_worst(worst, std::abs(found(static_cast<Index>(i), static_cast<Index>(o)) -
                                           samples[i].outputs[o]));
        }
    };
    outputs(computed.outputs, columns);
    outputs(computed.test_outputs, rows);
    for (std::size_t t = 0; t < c.network.tensors.size(); ++t) {
        Matrix<double> expected(c.Y.rows(), computed.diagonals[t].cols());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const Matrix<double> own =
                reference_kernel(c.network, c.reduction, static_cast<Index>(t), {&rows[i], 1});
            std::copy_n(own.data(), own.size(), expected.view().row(static_cast<Index>(i)));
        }
        keep_worst(worst, largest_difference(computed.diagonals[t], expected));
    }
    return worst;
}

}  // namespace

TEST_CASE(
    "J J^T of graphs with sums and products equals the explicit one, every matrix of every reduction, in "
    "both precisions") {
    const auto world = mpi::Communicator::world();
    const Network networks[] = {random_residual(4, 5, 91), random_residual(1, 1, 92, "identity"),
                                random_doubled(3, 4, 93),  random_gated(3, 4, 94),
                                random_bilinear(3, 97),    random_softmax(3, 4, 98)};
    for (const Network& network : networks) {
        const Index C = network.outputs();
        for (const Index n : {1, 2, 7}) {
            const Matrix<double> X = random_samples(n, network.inputs(), 94);
            const auto samples = gradients(network, X);
            std::vector<Reduction> reductions{make_rows(n, 2, C, 95), make_rows(n, 1, C, 96)};
            for (const ReductionKind kind : all_reductions()) reductions.push_back(make_reduction(kind, C));
            for (const Reduction& reduction : reductions) {
                CAPTURE(static_cast<int>(reduction.kind));
                CAPTURE(n);
                const auto check = [&](Precision precision, double most) {
                    const Product& product = product_named("samples");
                    const Problem problem = problem_of(network, reduction, X, precision, 3);
                    const Shape shape = product.shape(problem);
                    const ComputedProduct computed = compute_product(world, product, problem, shape);
                    CHECK(computed.written_once);
                    CHECK(worst_matrix(network, reduction, shape, computed.matrices, samples, samples) <
                          most);
                };
                check(Precision::float64, limit<double>);
                check(Precision::float32, limit<float>);
            }
        }
    }
}

TEST_CASE("every entry of J_test J_train^T is the explicit one, whatever the sizes and the tile") {
    const auto world = mpi::Communicator::world();
    const Network network = random_residual(4, 5, 101);
    for (const ReductionKind kind : all_reductions()) {
        const Reduction reduction = make_reduction(kind, 3);
        for (const auto& sizes : {std::pair<Index, Index>{1, 1}, {1, 9}, {9, 1}, {5, 9}, {9, 5}}) {
            const Index M = sizes.first, N = sizes.second;
            for (const Index tile : {1, 4, 64}) {
                CAPTURE(to_string(kind));
                CAPTURE(M);
                CAPTURE(N);
                CAPTURE(tile);
                const TestCase wide(network, reduction, M, N, Precision::float64, tile);
                CHECK(worst_of(wide, wide.compute(world)) < limit<double>);
                const TestCase narrow(network, reduction, M, N, Precision::float32, tile);
                CHECK(worst_of(narrow, narrow.compute(world)) < limit<float>);
            }
        }
    }
}

TEST_CASE(
    "J_test J_train^T has the same bits on all ranks and on one, in slices and whole, on 1 thread and 3") {
    const auto world = mpi::Communicator::world();
    const auto alone = world.split(world.rank(), 0);
    const Network network = random_residual(6, 9, 102);
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        for (const auto& sizes : {std::pair<Index, Index>{17, 41}, {41, 17}, {1, 30}}) {
            const Index M = sizes.first, N = sizes.second;
            const TestCase c(network, make_reduction(kind, 3), M, N, Precision::float32, 4);
            const ComputedProduct single = c.compute(alone, {}, 3);
            const auto compare = [&](const ComputedProduct& other) {
                CHECK(other.written_once);
                for (std::size_t m = 0; m < single.matrices.size(); ++m)
                    CHECK(same_bits(single.matrices[m], other.matrices[m]));
                for (std::size_t t = 0; t < single.diagonals.size(); ++t)
                    CHECK(same_bits(single.diagonals[t], other.diagonals[t]));
                CHECK(same_bits(single.outputs, other.outputs));
                CHECK(same_bits(single.test_outputs, other.test_outputs));
            };
            for (const Residency& residency :
                 {Residency{1, 1}, Residency{2, 1}, Residency{3, 2}, Residency{5, 1}, Residency{16, 1}}) {
                CAPTURE(residency.slices);
                CAPTURE(M);
                compare(c.compute(world, residency, 2));
            }
        }
    }
}

TEST_CASE("test samples that are the training samples make the square kernel, within rounding") {
    const auto world = mpi::Communicator::world();
    const Network network = random_doubled(5, 4, 103);
    for (const ReductionKind kind : {ReductionKind::mean, ReductionKind::full}) {
        const Reduction reduction = make_reduction(kind, 2);
        const Matrix<double> X = random_samples(23, 5, 104);
        Problem problem = problem_of(network, reduction, X, Precision::float64, 6);
        const ComputedProduct square = compute_product(world, product_named("samples"), problem,
                                                       product_named("samples").shape(problem));
        problem.test = set_of(X);
        const ComputedProduct crossed = compute_product(world, product_named("test x train"), problem,
                                                        product_named("test x train").shape(problem));
        REQUIRE(square.matrices.size() == crossed.matrices.size());
        for (std::size_t m = 0; m < square.matrices.size(); ++m)
            CHECK(largest_difference(crossed.matrices[m], square.matrices[m]) < 1e-15);
        CHECK(same_bits(crossed.test_outputs, crossed.outputs));
    }
}

TEST_CASE("a part of the test samples makes the rows of all of them, bit for bit where panels begin alike") {
    const auto alone = mpi::Communicator::world().split(mpi::Communicator::world().rank(), 0);
    const Network network = random_residual(4, 5, 105);
    const TestCase all(network, make_reduction(ReductionKind::trace, 3), 20, 15, Precision::float64, 4);
    TestCase part(network, make_reduction(ReductionKind::trace, 3), 8, 15, Precision::float64, 4);
    for (Index i = 0; i < 8; ++i) std::copy_n(all.Y.view().row(12 + i), 4, part.Y.view().row(i));
    const ComputedProduct whole = all.compute(alone), some = part.compute(alone);
    for (std::size_t m = 0; m < whole.matrices.size(); ++m) {
        for (Index i = 0; i < 8; ++i)
            CHECK(std::equal(some.matrices[m].view().row(i), some.matrices[m].view().row(i) + 15,
                             whole.matrices[m].view().row(12 + i)));
    }
}

TEST_CASE("kernels of samples as small as 1e-160 and as large as 1e70 are the explicit ones") {
    const auto world = mpi::Communicator::world();
    Network network;
    network.values.push_back({"input", 3});
    const Index z = add_random_dense(network, "first", 0, 4, 106);
    network.output = add_random_dense(network, "head", add_sum(network, z, z), 2, 107);
    for (const double size : {1e-160, 1e70}) {
        TestCase c(network, make_reduction(ReductionKind::trace, 2), 5, 7, Precision::float64, 3);
        for (Matrix<double>* set : {&c.X, &c.Y}) {
            for (Index k = 0; k < set->size(); ++k) set->data()[k] *= size;
        }
        const auto rows = gradients(network, c.Y), columns = gradients(network, c.X);
        CHECK(worst_matrix(network, c.reduction, c.shape, c.compute(world).matrices, rows, columns) <
              (size < 1 ? 1e-2 : 1e-13));  // products of 1e-320 have few digits
    }
}
