// Rows E of a sample: what features start from against long double formulas and against the reference's, and differences of the
// loss itself.

#include "random_networks.hpp"
#include "tangram/network/reduction.hpp"
#include "tangram/tangent/reference/finite_difference.hpp"
#include "tangram/tangent/reference/sample_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

using namespace tangram;
using namespace tangram::test;

namespace {

using Wide = long double;

std::vector<Wide> softmax(const std::vector<double>& y, std::ptrdiff_t without = -1) {
    std::vector<Wide> p(y.size());
    Wide largest = -1e30L, sum = 0;
    for (std::size_t o = 0; o < y.size(); ++o) {
        if (static_cast<std::ptrdiff_t>(o) != without) largest = std::max<Wide>(largest, y[o]);
    }
    for (std::size_t o = 0; o < y.size(); ++o) {
        p[o] = static_cast<std::ptrdiff_t>(o) == without ? 0 : std::exp(Wide{y[o]} - largest);
        sum += p[o];
    }
    for (Wide& one : p) one /= sum;
    return p;
}

Reduction of_loss(Loss loss, Targets targets, Index outputs) {
    Reduction reduction = make_reduction(ReductionKind::loss, outputs);
    reduction.loss = loss;
    reduction.targets = std::make_shared<const Targets>(std::move(targets));
    return reduction;
}

Reduction of_margin(std::vector<Index> classes, Index outputs) {
    Reduction reduction = make_reduction(ReductionKind::margin, outputs);
    reduction.targets = std::make_shared<const Targets>(Targets{std::move(classes), {}});
    return reduction;
}

Reduction weighted(ReductionKind kind, Index outputs) {
    Reduction reduction = make_reduction(kind, outputs);
    reduction.weights = RowWeights::sqrt_hessian;
    return reduction;
}

Matrix<double> rows_of(const Reduction& reduction, Index sample, const std::vector<double>& y) {
    Matrix<double> E(reduction.sensitivities(), reduction.outputs);
    reduction.fill_rows(sample, y.data(), E.view());
    return E;
}

Matrix<double> reference_rows(const Reduction& reduction, Index sample, const std::vector<double>& y) {
    SampleGradient gradient;
    gradient.sample = sample;
    gradient.outputs = y;
    gradient.of_outputs = &reduction;
    gradient.E = Matrix<double>(reduction.sensitivities(), reduction.outputs);
    gradient.E_sizes = Matrix<double>(reduction.sensitivities(), reduction.outputs);
    give_rows(gradient);
    return std::move(gradient.E);
}

double worst(const Matrix<double>& E, const std::vector<Wide>& expected) {
    REQUIRE(E.size() == static_cast<Index>(expected.size()));
    double largest = 0;
    for (std::size_t k = 0; k < expected.size(); ++k) {
        const auto off = static_cast<double>(std::abs(E.data()[k] - expected[k]));
        if (off > 0) largest = std::max(largest, off / static_cast<double>(std::abs(expected[k])));
    }
    return largest;
}

const std::vector<std::vector<double>> logits{
    {0.3, -1.2, 2.0, 0.1}, {0, 0, 0, 0}, {25, -10, 3, 24}, {-300, 300, 2, 1}, {1e4, -1e4, 5, 9999}};

/// Both ways of making E against the formula, entry by entry; what neither float64 nor the formula can tell from 0 is 0.
void check_rows(const Reduction& reduction, Index sample, const std::vector<double>& y,
                const std::vector<Wide>& expected) {
    std::vector<Wide> representable = expected;
    for (Wide& entry : representable) entry = std::abs(entry) < 1e-300L ? 0 : entry;
    const auto without_tiny = [](Matrix<double> E) {
        for (Index k = 0; k < E.size(); ++k) E.data()[k] = std::abs(E.data()[k]) < 1e-300 ? 0 : E.data()[k];
        return E;
    };
    CHECK(worst(without_tiny(rows_of(reduction, sample, y)), representable) < 2e-13);
    CHECK(worst(without_tiny(reference_rows(reduction, sample, y)), representable) < 2e-13);
}

}  // namespace

TEST_CASE("the cross-entropy's rows are p - t to the last digits, also where p is 0 or 1") {
    for (const std::vector<double>& y : logits) {
        for (Index c = 0; c < 4; ++c) {
            CAPTURE(y[0]);
            CAPTURE(c);
            const std::vector<Wide> p = softmax(y);
            std::vector<Wide> expected = p;
            Wide others = 0;
            for (std::size_t o = 0; o < 4; ++o) others += o == at(c) ? 0 : p[o];
            expected[at(c)] = -others;
            check_rows(of_loss(Loss::cross_entropy, {{0, c}, {}}, 4), 1, y, expected);
        }
    }
}

TEST_CASE("the cross-entropy of probabilities is p - t, and has E summing to 0") {
    const std::array<double, 4> t{0.25, 0.5, 0.125, 0.125};
    for (std::size_t k = 0; k < 2; ++k) {
        const std::vector<double>& y = logits[k];
        Targets targets;
        targets.values = Matrix<double>(1, 4);
        std::copy(t.begin(), t.end(), targets.values.data());
        std::vector<Wide> expected = softmax(y);
        for (std::size_t o = 0; o < 4; ++o) expected[o] -= t[o];
        const Reduction reduction = of_loss(Loss::cross_entropy, std::move(targets), 4);
        const auto off = [&](const Matrix<double>& E) {
            double largest = 0;
            for (std::size_t o = 0; o < 4; ++o)
                largest = std::max(largest, static_cast<double>(std::abs(E.data()[o] - expected[o])));
            return largest;
        };
        CHECK(off(rows_of(reduction, 0, y)) < 1e-15);
        CHECK(off(reference_rows(reduction, 0, y)) < 1e-15);
    }
}

TEST_CASE("the margin's rows are 1 at the class and minus the softmax of the others") {
    for (const std::vector<double>& y : logits) {
        for (Index c = 0; c < 4; ++c) {
            std::vector<Wide> expected = softmax(y, c);
            for (Wide& entry : expected) entry = -entry;
            expected[at(c)] = 1;
            check_rows(of_margin({c}, 4), 0, y, expected);
        }
    }
}

TEST_CASE("mean squared error: 2 (y - t) / C, of numbers and of classes") {
    Targets targets;
    targets.values = Matrix<double>(1, 4);
    for (Index o = 0; o < 4; ++o) targets.values(0, o) = 0.5 * static_cast<double>(o);
    check_rows(of_loss(Loss::mse, std::move(targets), 4), 0, logits[0], {0.15L, -0.85L, 0.5L, -0.7L});
    check_rows(of_loss(Loss::mse, {{2}, {}}, 4), 0, logits[1], {0, 0, -0.5L, 0});
}

TEST_CASE("E^T E of the weighted rows is diag(p) - p p^T") {
    for (const std::vector<double>& y : logits) {
        const std::vector<Wide> p = softmax(y);
        const Matrix<double> features = rows_of(weighted(ReductionKind::trace, 4), 0, y);
        const Matrix<double> reference = reference_rows(weighted(ReductionKind::full, 4), 0, y);
        for (const Matrix<double>* E : {&features, &reference}) {
            for (Index a = 0; a < 4; ++a) {
                for (Index b = 0; b < 4; ++b) {
                    double H = 0;
                    for (Index r = 0; r < 4; ++r) H += (*E)(r, a) * (*E)(r, b);
                    const Wide expected = (a == b ? p[at(a)] : 0) - p[at(a)] * p[at(b)];
                    CHECK(std::abs(static_cast<double>(H - expected)) < 1e-15);
                }
            }
        }
    }
}

TEST_CASE("combinations with the rows of a Hadamard matrix give the trace itself") {
    const std::array<std::array<double, 4>, 4> hadamard{
        {{1, 1, 1, 1}, {1, -1, 1, -1}, {1, 1, -1, -1}, {1, -1, -1, 1}}};
    Matrix<double> E(4, 4);
    for (Index k = 0; k < 4; ++k) {
        for (Index c = 0; c < 4; ++c) E(k, c) = hadamard[at(k)][at(c)] / 2;
    }
    const Network network = random_network({3, 5, 4}, {"tanh", "identity"}, {true, true}, 31);
    const Index C = network.outputs();
    REQUIRE(C == 4);
    Reduction combined = make_reduction(ReductionKind::trace, C);
    combined.combinations = std::make_shared<const Matrix<double>>(std::move(E));
    std::vector<SampleGradient> samples;
    const Matrix<double> X = random_samples(3, network.inputs(), 32);
    for (Index i = 0; i < 3; ++i) samples.push_back(backpropagate(network, {X.view().row(i), at(X.cols())}));
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
        const auto tensor = static_cast<Index>(t);
        const Matrix<double> K = reference_kernel(network, combined, tensor, samples);
        const Matrix<double> exact =
            reference_kernel(network, make_reduction(ReductionKind::trace, C), tensor, samples);
        for (Index k = 0; k < K.size(); ++k)
            CHECK(std::abs(K.data()[k] - exact.data()[k]) <= 1e-13 * (1 + std::abs(exact.data()[k])));
    }
}

TEST_CASE("random signs are those of the documented hash") {
    const std::array<std::array<int, 6>, 3> of_seed_7{
        {{1, -1, -1, -1, -1, 1}, {1, 1, -1, 1, -1, -1}, {-1, 1, 1, -1, 1, 1}}};
    const Matrix<double> E = random_combinations(3, 6, 7);
    for (Index k = 0; k < 3; ++k) {
        for (Index c = 0; c < 6; ++c)
            CHECK(E(k, c) == doctest::Approx(of_seed_7[at(k)][at(c)] / std::sqrt(3.0)));
    }
}

TEST_CASE("differences of the loss itself agree with its gradient, and tell a wrong one") {
    const Network network = random_residual(4, 5, 41);
    const Index C = network.outputs();
    Targets targets;
    targets.values = random_samples(1, C, 42);
    const std::vector<Reduction> reductions{
        of_loss(Loss::cross_entropy, {{1}, {}}, C), of_loss(Loss::mse, std::move(targets), C),
        of_margin({1}, C), weighted(ReductionKind::trace, C), weighted(ReductionKind::full, C)};
    const Matrix<double> X = random_samples(1, network.inputs(), 43);
    for (const Reduction& reduction : reductions) {
        CAPTURE(describe(reduction));
        SampleGradient sample = backpropagate(network, {reduction, 0, nullptr}, {X.data(), at(X.cols())});
        const auto error = [&] {
            const FiniteDifferenceResult result = compare_with_finite_differences(network, {&sample, 1}, 3);
            CHECK(result.decided > 0);
            return result.error;
        };
        CHECK(error() < finite_difference_tolerance);
        const Node& layer =
            *std::ranges::find_if(network.nodes, [](const Node& node) { return !node.tensors.empty(); });
        sample.sensitivities[at(layer.output)](0, 1) *= 1.001;
        CHECK(error() > finite_difference_tolerance);
    }
}

TEST_CASE("a mean is divided by the outputs that were chosen, and kinds say what they are in words") {
    Reduction mean = make_reduction(ReductionKind::mean, 5);
    mean.chosen = {4, 0};
    CHECK(mean.factor() == 0.5);
    CHECK(mean.sensitivities() == 2);
    CHECK(mean.weight(0, 0, 4) == 1);
    CHECK(mean.weight(0, 1, 4) == 0);
    CHECK(describe(mean) == "mean of outputs 4, 0 of 5");
    Reduction full = mean;
    full.kind = ReductionKind::full;
    CHECK(full.rows_per_sample() == 2);
    Reduction sum = mean;
    sum.kind = ReductionKind::sum;
    CHECK(sum.weight(0, 0, 0) + sum.weight(0, 0, 1) + sum.weight(0, 0, 4) == 2);
}
