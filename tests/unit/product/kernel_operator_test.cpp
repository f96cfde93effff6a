// K v = f J (J^T v) against the matrix that explicit Jacobians make, features held and computed again, on any ranks.

#include "tangram/product/kernel_operator.hpp"

#include "product_run.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr Index N = 41, M = 5;

/// J of these samples (n R, P), by the reference.
Matrix<double> jacobian_of(const Network& network, const Reduction& reduction, const Matrix<double>& X) {
    std::vector<SampleGradient> samples;
    for (Index i = 0; i < X.rows(); ++i) {
        samples.push_back(backpropagate(network, Followed{reduction, i, shared_values(network)},
                                        {X.view().row(i), at(X.cols())}));
    }
    const Index R = reduction.sensitivities();
    Matrix<double> J(X.rows() * R, network.parameters());
    Index column = 0;
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
        const ParameterTensor& tensor = network.tensors[t];
        const Matrix<double> part =
            jacobian_block(network, reduction, static_cast<Index>(t), samples, 0, tensor.units());
        for (Index i = 0; i < J.rows(); ++i)
            std::copy_n(part.view().row(i), part.cols(), J.view().row(i) + column);
        column += part.cols();
    }
    return J;
}

/// Entry ((i), (j)) of f J_a J_b^T, summed over R unless each row is the kernel's own.
double entry(const Reduction& reduction, const Matrix<double>& Ja, Index i, const Matrix<double>& Jb,
             Index j) {
    const Index R = reduction.is_full() ? 1 : reduction.sensitivities();
    double sum = 0;
    for (Index r = 0; r < R; ++r) {
        for (Index k = 0; k < Ja.cols(); ++k) sum += Ja(i * R + r, k) * Jb(j * R + r, k);
    }
    return reduction.factor() * sum;
}

}  // namespace

TEST_CASE(
    "an operator acts as the matrix of explicit Jacobians does, whether features are held or computed again") {
    const mpi::Communicator world = mpi::Communicator::world();
    const Network network = random_network({4, 7, 3}, {"tanh", "identity"}, {true, true}, 17);
    const Matrix<double> X = random_samples(N, 4, 18), Y = random_samples(M, 4, 19);
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::mean, ReductionKind::full}) {
        const Reduction reduction = make_reduction(kind, 3);
        Problem problem{network, reduction, set_of(X), {}, Precision::float64, Index{8}};
        problem.test = set_of(Y);
        const Matrix<double> J = jacobian_of(network, reduction, X),
                             J_test = jacobian_of(network, reduction, Y);
        const Index n = N * reduction.rows_per_sample(), m = M * reduction.rows_per_sample();
        for (const bool hold : {true, false}) {
            const KernelOperator K(world, problem, 2, hold);
            REQUIRE(K.extent() == n);
            Matrix<double> V(K.rows().size(), 2);
            std::vector<double> v(at(V.rows())), y(v.size());
            for (Index i = 0; i < V.rows(); ++i) {
                v[at(i)] = V(i, 0) = std::sin(static_cast<double>(K.rows().begin + i));
                V(i, 1) = 1;
            }
            K.act(v, y);
            double trace = 0, largest = 0, off = 0;
            for (Index i = 0; i < n; ++i) trace += entry(reduction, J, i, J, i);
            for (Index i = 0; i < V.rows(); ++i) {
                double expected = 0;
                for (Index j = 0; j < n; ++j)
                    expected +=
                        entry(reduction, J, K.rows().begin + i, J, j) * std::sin(static_cast<double>(j));
                largest = std::max(largest, std::abs(expected));
                off = std::max(off, std::abs(y[at(i)] - expected));
            }
            CHECK(off <= 1e-12 * largest);
            CHECK(K.trace() == doctest::Approx(trace).epsilon(1e-12));
            const KernelOperator::OnTest found = K.act_on_test(V);
            for (Index i = 0; i < m; ++i) {
                double of_sines = 0, of_ones = 0;
                for (Index j = 0; j < n; ++j) {
                    of_sines += entry(reduction, J_test, i, J, j) * std::sin(static_cast<double>(j));
                    of_ones += entry(reduction, J_test, i, J, j);
                }
                CHECK(found.products(i, 0) == doctest::Approx(of_sines).epsilon(1e-10));
                CHECK(found.products(i, 1) == doctest::Approx(of_ones).epsilon(1e-10));
            }
        }
    }
}
