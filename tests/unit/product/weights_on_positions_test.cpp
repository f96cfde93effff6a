// Weights on several positions of a sample, whose rows of J are made in the tile loop or never, through the functions that a
// run calls, against explicit Jacobians.

#include "graphs_on_positions.hpp"
#include "product_run.hpp"
#include "tangram/product/matrices.hpp"

#include <doctest/doctest.h>

using namespace tangram;
using namespace tangram::test;

namespace {

template <class T>
constexpr double limit = sizeof(T) == sizeof(float) ? 5e-6 : 1e-13;

/// With the conjugate kernels of all weights.
Network with_all_inputs(Network network, const Reduction& reduction) {
    keep_inputs_of_weights(ConjugateKernels::all, reduction, network);
    return network;
}

struct Run {
    Run(const Network& of, const Reduction& reduced, Index N, Precision precision, Index tile)
        : network(with_all_inputs(copy_of(of), reduced)),
          reduction(reduced),
          X(random_samples(N, of.inputs(), 61)),
          problem{network, reduction, set_of(X), {}, precision, tile},
          shape(shape_of(problem)) {}
    static Shape shape_of(Problem& problem) {
        problem.conjugate_kernels = ConjugateKernels::all;
        return product_named("samples").shape(problem);
    }
    Network network;
    Reduction reduction;
    Matrix<double> X;
    Problem problem;
    Shape shape;
    [[nodiscard]] ComputedProduct compute(const mpi::Communicator& comm, int threads,
                                          const MemoryPlan& plan = {}) const {
        return compute_product(comm, product_named("samples"), problem, shape, plan, threads);
    }
};

std::vector<Form> forms_of(const Network& network, const Reduction& reduction) {
    std::vector<Form> forms;
    for (const Step& step : steps_of(network, reduction)) forms.push_back(step.form);
    return forms;
}

}  // namespace

TEST_CASE("the form of a weight on positions follows from shapes: all of them are met here") {
    const Network network = random_on_positions(51);
    for (const ReductionKind kind : all_reductions()) {
        const std::vector<Form> expected{Form::made,  Form::made, Form::pairs, Form::pairs, Form::pairs,
                                         Form::pairs, Form::made, Form::pairs, Form::outer};
        CAPTURE(to_string(kind));
        CHECK((forms_of(network, make_reduction(kind, 3)) == expected));
    }
    const Run run(network, make_reduction(ReductionKind::trace, 3), 2, Precision::float32, 1);
    std::size_t conjugates = 0;
    for (const StoredMatrix& matrix : run.shape.matrices) conjugates += matrix.role == Role::other ? 1 : 0;
    CHECK(conjugates == 9);
}

TEST_CASE("weights on positions: every matrix of every reduction is the explicit J J^T, whatever the tile") {
    const auto world = mpi::Communicator::world();
    const Network network = random_on_positions(52);
    for (const ReductionKind kind : all_reductions()) {
        for (const Index tile : {1, 3, 64}) {
            CAPTURE(to_string(kind));
            CAPTURE(tile);
            for (const Precision precision : {Precision::float32, Precision::float64}) {
                const Run run(network, make_reduction(kind, 3), 11, precision, tile);
                const ComputedProduct computed = run.compute(world, 2);
                CHECK(computed.written_once);
                const auto samples = gradients(network, run.X);
                CHECK(worst_matrix(network, run.reduction, run.shape, computed.matrices, samples, samples) <
                      (precision == Precision::float32 ? limit<float> : limit<double>));
            }
        }
    }
}

TEST_CASE(
    "weights on positions: the same bits on all ranks and on one, on 1, 2 and 3 threads, in slices or not") {
    const auto world = mpi::Communicator::world();
    const auto alone = world.split(world.rank(), 0);
    const Network network = random_on_positions(53);
    const Run run(network, make_reduction(ReductionKind::trace, 3), 45, Precision::float32, 4);
    const ComputedProduct expected = run.compute(alone, 1);
    MemoryPlan slices;
    slices.residency = {4, 2};
    for (const ComputedProduct& other : {run.compute(alone, 2), run.compute(alone, 3), run.compute(world, 2),
                                         run.compute(world, 1, slices)}) {
        for (std::size_t m = 0; m < expected.matrices.size(); ++m) {
            CAPTURE(run.shape.matrices[m].path);
            CHECK(same_bits(expected.matrices[m], other.matrices[m]));
        }
    }
}

TEST_CASE("weights on positions: J_test J_train^T, and the kernels of test samples with themselves") {
    const auto world = mpi::Communicator::world();
    const Network network = random_on_positions(54);
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        Run run(network, make_reduction(kind, 3), 9, Precision::float64, 4);
        const Matrix<double> Y = random_samples(6, 16, 62);
        run.problem.test = set_of(Y);
        const Product& product = product_named("test x train");
        const Shape shape = product.shape(run.problem);
        const ComputedProduct computed = compute_product(world, product, run.problem, shape, {}, 2);
        const auto rows = gradients(network, Y), columns = gradients(network, run.X);
        CHECK(worst_matrix(network, run.reduction, shape, computed.matrices, rows, columns) < 1e-13);
        for (std::size_t t = 0; t < network.tensors.size(); ++t) {
            for (std::size_t i = 0; i < rows.size(); ++i) {
                const Matrix<double> own =
                    reference_kernel(network, run.reduction, static_cast<Index>(t), {&rows[i], 1});
                for (Index e = 0; e < own.size(); ++e)
                    CHECK(computed.diagonals[t](static_cast<Index>(i), e) ==
                          doctest::Approx(own.data()[e]).epsilon(1e-12));
            }
        }
    }
}

TEST_CASE(
    "weights on positions: a gradient too large for float32 is refused before any tile, by layer and sample") {
    const auto world = mpi::Communicator::world();
    const Network network = random_on_positions(55);
    Run run(network, make_reduction(ReductionKind::trace, 3), 4, Precision::float32, 2);
    for (Index k = 0; k < 16; ++k) run.X(2, k) *= 1e25;
    CHECK_THROWS_WITH_AS(run.compute(world, 1), doctest::Contains("conv1"), Error);
}

TEST_CASE("weights on positions: tiles of J^T J are the explicit ones") {
    const auto world = mpi::Communicator::world();
    const Network network = random_on_positions(56);
    const Reduction reduction = make_reduction(ReductionKind::trace, 3);
    const Matrix<double> X = random_samples(7, 16, 63);
    const Problem problem{network, reduction, set_of(X), {}, Precision::float64, 200};
    const Product& product = product_named("params");
    const Shape shape = product.shape(problem);
    MemoryPlan plan;
    const ComputedProduct computed = compute_product(world, product, problem, shape, plan, 2);
    const auto samples = gradients(network, X);
    std::vector<Matrix<double>> J;
    Index P = 0;
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
        J.push_back(jacobian_block(network, reduction, static_cast<Index>(t), samples, 0,
                                   network.tensors[t].units()));
        P += J.back().cols();
    }
    Matrix<double> whole(J.front().rows(), P), expected(P, P);
    for (Index i = 0; i < whole.rows(); ++i) {
        double* to = whole.view().row(i);
        for (const Matrix<double>& part : J) to = std::copy_n(part.view().row(i), part.cols(), to);
        for (Index p = 0; p < P; ++p) {
            for (Index q = 0; q < P; ++q) expected(p, q) += whole(i, p) * whole(i, q);
        }
    }
    CHECK(largest_difference(computed.matrices.back(), expected) < 1e-13);
}
