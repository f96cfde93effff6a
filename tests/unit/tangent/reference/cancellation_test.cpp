// Gradients before cancellation: by the same network with every weight and sample made positive, in which nothing cancels.

#include "tangram/tangent/reference/cancellation.hpp"

#include "explicit_jacobian.hpp"
#include "tangram/checks/check_report.hpp"

#include <doctest/doctest.h>

using namespace tangram;
using namespace tangram::test;

namespace {

void make_positive(MatrixView<double> matrix) {
    for (Index i = 0; i < matrix.rows; ++i)
        for (Index j = 0; j < matrix.cols; ++j) matrix(i, j) = std::abs(matrix(i, j));
}

Matrix<double> sizes_of(const Network& network, Index tensor, const SampleGradient& sample) {
    const SampleGradient sizes = before_cancellation(network, sample);
    return whole_jacobian(network, tensor, {&sizes, 1});
}

}  // namespace

TEST_CASE("the gradient of the first layer before cancellation is that of the positive network") {
    const Network network =
        random_network({4, 6, 5, 3}, {"identity", "identity", "identity"}, {true, true, true}, 7);
    Network positive = copy_of(network);
    for (ParameterTensor& tensor : positive.tensors) make_positive(tensor.values.view());
    Matrix<double> X(1, 4);
    fill_random(X.view(), 9);
    const SampleGradient sample = backpropagate(network, row_of(X, 0));
    make_positive(X.view());
    const SampleGradient expected = backpropagate(positive, row_of(X, 0));
    const Matrix<double> sizes = sizes_of(network, 0, sample);
    const Matrix<double> J = whole_jacobian(positive, 0, {&expected, 1});
    REQUIRE(sizes.size() == J.size());
    for (Index e = 0; e < J.size(); ++e)
        CHECK(sizes.data()[e] == doctest::Approx(J.data()[e]).epsilon(1e-13));
}

TEST_CASE("no entry of a Jacobian is larger than before cancellation") {
    const Network networks[] = {
        random_network({4, 6, 5, 3}, {"tanh", "cos", "identity"}, {true, false, true}, 3),
        random_softmax(4, 5, 11)};
    for (const Network& network : networks) {
        Matrix<double> X(1, 4);
        fill_random(X.view(), 5);
        const SampleGradient sample = backpropagate(network, row_of(X, 0));
        for (Index t = 0; t < tensors_of(network); ++t) {
            const Matrix<double> sizes = sizes_of(network, t, sample);
            const Matrix<double> J = whole_jacobian(network, t, {&sample, 1});
            for (Index e = 0; e < J.size(); ++e)
                CHECK(std::abs(J.data()[e]) <= sizes.data()[e] * (1 + 1e-12));
        }
    }
}

TEST_CASE(
    "the tolerance of a total grows with its tensors, from where their rounding is more than that of one") {
    CHECK(tolerance_of_total(1e-5, Precision::float32, 83) == 1e-5);
    CHECK(tolerance_of_total(1e-5, Precision::float32, 1000) == doctest::Approx(1000 * 0x1p-23));
    CHECK(tolerance_of_total(1e-10, Precision::float64, 100000) == 1e-10);
}
