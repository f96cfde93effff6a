// Reference kernels against the explicit Jacobian's rows, multiplied entry by entry as the definitions say.

#include "explicit_jacobian.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

/// K of a reduction from the explicit J, entry by entry as the definition says.
double kernel_entry(ReductionKind kind, const Matrix<double>& J, Index C, Index i, Index j) {
    const auto product = [&](Index a, Index b) {
        double sum = 0;
        for (Index p = 0; p < J.cols(); ++p) sum += J(a, p) * J(b, p);
        return sum;
    };
    if (kind == ReductionKind::full) return product(i, j);
    if (kind == ReductionKind::logit) return product(i * C + C - 1, j * C + C - 1);
    double sum = 0;
    for (Index r = 0; r < C; ++r) {
        for (Index s = 0; s < C; ++s) {
            if (kind == ReductionKind::sum || r == s) sum += product(i * C + r, j * C + s);
        }
    }
    return kind == ReductionKind::mean ? sum / static_cast<double>(C) : sum;
}

}  // namespace

TEST_CASE(
    "every reduction of the reference kernel is the definition's sum over the explicit Jacobian's rows") {
    const Network network =
        random_network({6, 7, 5, 3}, {"tanh", "relu", "identity"}, {true, false, true}, 31);
    const std::vector<SampleGradient> samples = gradients_of(network, random_samples(4, 6, 32));
    for (const ReductionKind kind : all_reductions()) {
        for (Index tensor = 0; tensor < tensors_of(network); ++tensor) {
            CAPTURE(to_string(kind));
            CAPTURE(network.tensors[at(tensor)].name);
            const Matrix<double> J = whole_jacobian(network, tensor, samples);
            const Matrix<double> K = reference_kernel(network, make_reduction(kind, 3), tensor, samples);
            CHECK(K.rows() == (kind == ReductionKind::full ? 12 : 4));
            CHECK(K.cols() == K.rows());
            double off = 0;
            for (Index i = 0; i < K.rows(); ++i) {
                for (Index j = 0; j < K.cols(); ++j) {
                    off = std::max(off, std::abs(K(i, j) - kernel_entry(kind, J, 3, i, j)));
                }
            }
            CHECK(off <= 1e-14 * largest_entry(K));
        }
    }
}

TEST_CASE("reduction rows: U_i = E_i J_i with the E of the sample's own number, folded over equal r") {
    const Network network = random_residual(4, 5, 61);
    std::vector<SampleGradient> samples = gradients_of(network, random_samples(3, 4, 62));
    const std::vector<Index> numbers{6, 0, 3};  // of 8 samples in the run
    for (std::size_t i = 0; i < 3; ++i) samples[i].sample = numbers[i];
    const Index R = 2, C = 3;
    auto E = std::make_shared<Matrix<double>>(8 * R, C);
    fill_random(E->view(), 63);
    Reduction rows = make_reduction(ReductionKind::rows, C);
    rows.by_sample = E;
    rows.rows_of_sample = R;
    for (Index tensor = 0; tensor < tensors_of(network); ++tensor) {
        const Matrix<double> J = whole_jacobian(network, tensor, samples);
        Matrix<double> U(3 * R, J.cols());
        for (Index row = 0; row < U.rows(); ++row) {
            const Index i = row / R;
            for (Index s = 0; s < C; ++s) {
                const double weight = (*E)(numbers[at(i)] * R + row % R, s);
                for (Index p = 0; p < J.cols(); ++p) U(row, p) += weight * J(i * C + s, p);
            }
        }
        const Matrix<double> K = reference_kernel(network, rows, tensor, samples);
        CHECK(K.rows() == 3);
        for (Index i = 0; i < 3; ++i) {
            for (Index j = 0; j < 3; ++j) {
                const double expected = kernel_entry(ReductionKind::trace, U, R, i, j);
                CHECK(std::abs(K(i, j) - expected) <= 1e-13 * largest_entry(K));
            }
        }
    }
}

TEST_CASE("the rectangular reference kernel is the off-diagonal block of the square one on all samples") {
    const Network network = random_residual(4, 5, 71);
    const std::vector<SampleGradient> all = gradients_of(network, random_samples(7, 4, 72));
    const std::span<const SampleGradient> samples(all);
    for (const ReductionKind kind : all_reductions()) {
        CAPTURE(to_string(kind));
        const Reduction reduction = make_reduction(kind, 3);
        const Index R = reduction.rows_per_sample();
        for (Index tensor = 0; tensor < tensors_of(network); ++tensor) {
            const Matrix<double> square = reference_kernel(network, reduction, tensor, samples);
            const Matrix<double> K =
                reference_kernel(network, reduction, tensor, samples.first(3), samples.last(4));
            REQUIRE(K.rows() == 3 * R);
            REQUIRE(K.cols() == 4 * R);
            double off = 0;
            for (Index i = 0; i < K.rows(); ++i) {
                for (Index j = 0; j < K.cols(); ++j)
                    off = std::max(off, std::abs(K(i, j) - square(i, 3 * R + j)));
            }
            CHECK(off <= 1e-14 * largest_entry(square));
        }
    }
}

TEST_CASE(
    "the blocks that ranks share sum to the whole reference kernel, and a unit larger than a block fits") {
    // rows of J: 2 samples x 2 outputs; a unit is 40 000 values and a block at most 2^19, so 20 units make
    // several blocks; with 150 000 inputs a single unit is more than a block.
    for (const auto& [inputs, units] : {std::pair<Index, Index>{10000, 41}, {150000, 3}}) {
        const Network network = random_network({inputs, units, 2}, {"relu", "identity"}, {true, true}, 41);
        const std::vector<SampleGradient> samples = gradients_of(network, random_samples(2, inputs, 42));
        const Reduction trace = make_reduction(ReductionKind::trace, 2);
        const Matrix<double> whole = reference_kernel(network, trace, 0, samples);
        const Matrix<double> J = whole_jacobian(network, 0, samples);
        Matrix<double> sum(2, 2);
        int shares_with_work = 0;
        for (Index start = 0; start < 3; ++start) {
            const Matrix<double> share = reference_kernel(network, trace, 0, samples, {start, 3});
            for (Index i = 0; i < 4; ++i) sum.data()[i] += share.data()[i];
            if (largest_entry(share) > 0) ++shares_with_work;
        }
        CHECK(shares_with_work == 3);
        for (Index i = 0; i < 2; ++i) {
            for (Index j = 0; j < 2; ++j) {
                CHECK(whole(i, j) ==
                      doctest::Approx(kernel_entry(ReductionKind::trace, J, 2, i, j)).epsilon(1e-12));
                CHECK(sum(i, j) == doctest::Approx(whole(i, j)).epsilon(1e-13));
            }
        }
    }
}
