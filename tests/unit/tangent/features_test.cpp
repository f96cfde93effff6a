// Oracle: per-sample backpropagation of tangent/reference/jacobian.hpp, which shares no code with the features.

#include "tangram/tangent/features.hpp"

#include "random_networks.hpp"
#include "tangram/support/error.hpp"
#include "tangram/tangent/reference/jacobian.hpp"
#include "tangram/tangent/steps.hpp"
#include "worst.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

/// Entry (r, o) of E of a sample, from the table in network/reduction.hpp.
double weight_of(const Reduction& reduction, Index sample, Index r, Index o) {
    switch (reduction.kind) {
        case ReductionKind::sum:
            return 1;
        case ReductionKind::logit:
            return o == reduction.logit ? 1 : 0;
        case ReductionKind::rows:
            return (*reduction.by_sample)(sample * reduction.rows_of_sample + r, o);
        default:
            return r == o ? 1 : 0;
    }
}

/// Sensitivity r of one sample, from the reference's D (C, d).
double expected_sensitivity(const Reduction& reduction, const Matrix<double>& D, Index sample, Index r,
                            Index j) {
    double sum = 0;
    for (Index o = 0; o < D.rows(); ++o) sum += weight_of(reduction, sample, r, o) * D(o, j);
    return sum;
}

template <class T>
double largest_difference(const Network& network, const Reduction& reduction, Index samples,
                          Index first_sample = 0) {
    const Matrix<double> X = random_samples(samples, network.inputs(), 5);
    const PanelLayout layout = lay_out_panel(network, reduction, samples + 2, sizeof(T));
    const AlignedBuffer<T> block(layout.size);
    Matrix<double> outputs(samples, network.outputs());
    FeatureScratch scratch;
    compute_features({network, reduction, layout}, X.view(), first_sample, block.data(), outputs.view(),
                     scratch);

    double worst = 0;
    const auto compare = [&](double mine, double theirs) {
        const double error = std::abs(mine - theirs) / (1.0 + std::abs(theirs));
        keep_worst(worst, error);
    };
    for (Index i = 0; i < samples; ++i) {
        const SampleGradient g = backpropagate(network, {X.view().row(i), at(X.cols())});
        for (Index o = 0; o < network.outputs(); ++o) compare(outputs(i, o), g.outputs[at(o)]);
        for (Index v = 0; v < static_cast<Index>(network.values.size()); ++v) {
            const Index width = network.values[at(v)].size;
            for (Index j = 0; j < width && layout.values[at(v)].stored(); ++j) {
                const T mine = value_view(layout, v, block.data(), samples)(i, j);
                compare(static_cast<double>(mine), g.values[at(v)][at(j)]);
            }
            if (!layout.sensitivities[at(v)].stored()) continue;
            const auto S = sensitivity_view(layout, v, block.data(), samples);
            for (Index r = 0; r < reduction.sensitivities(); ++r) {
                for (Index j = 0; j < width; ++j) {
                    const T mine =
                        reduction.is_full() ? S(i * reduction.outputs + r, j) : S(i, r * width + j);
                    compare(static_cast<double>(mine),
                            expected_sensitivity(reduction, g.sensitivities[at(v)], first_sample + i, r, j));
                }
            }
        }
    }
    return worst;
}

}  // namespace

TEST_CASE(
    "activations, sensitivities and outputs agree with per-sample backpropagation, for every reduction") {
    const Network linear_output =
        random_network({5, 7, 4, 3}, {"tanh", "relu", "identity"}, {true, false, true}, 1);
    const Network curved_output =
        random_network({3, 1, 6, 2}, {"gelu", "sin", "softplus"}, {false, true, true}, 2);
    for (const ReductionKind kind : all_reductions()) {
        CAPTURE(to_string(kind));
        CHECK(largest_difference<double>(linear_output, make_reduction(kind, 3), 6) < 1e-13);
        CHECK(largest_difference<double>(curved_output, make_reduction(kind, 2), 6) < 1e-13);
        CHECK(largest_difference<float>(curved_output, make_reduction(kind, 2), 6) < 1e-6);
    }
}

TEST_CASE("float32 features of a deep network are the rounded float64 ones") {
    const std::vector<Index> widths(9, 24);
    const std::vector<std::string> activations(8, "tanh");
    const Network network = random_network(widths, activations, std::vector<bool>(8, true), 3);
    CHECK(largest_difference<float>(network, make_reduction(ReductionKind::trace, 24), 3) < 1.2e-7);
}

TEST_CASE("a value that overflows float32 is refused by layer and sample, and accepted in float64") {
    Network network = random_network({2, 3, 1}, {"relu", "identity"}, {false, false}, 4);
    for (Index k = 0; k < 6; ++k) network.tensors[0].values.data()[k] = 1e30;
    Matrix<double> X(2, 2);
    X(1, 0) = 1e10;
    const Reduction reduction = make_reduction(ReductionKind::trace, 1);
    Matrix<double> outputs(2, 1);
    FeatureScratch scratch;
    const PanelLayout narrow_layout = lay_out_panel(network, reduction, 2, sizeof(float));
    const AlignedBuffer<float> narrow_block(narrow_layout.size);
    const FeatureSetup narrow{network, reduction, narrow_layout};
    CHECK_THROWS_WITH_AS(
        compute_features(narrow, std::as_const(X).view(), 40, narrow_block.data(), outputs.view(), scratch),
        doctest::Contains("activation of layer fc1"), Error);
    const PanelLayout layout = lay_out_panel(network, reduction, 2, sizeof(double));
    const AlignedBuffer<double> block(layout.size);
    const FeatureSetup setup{network, reduction, layout};
    CHECK_NOTHROW(
        compute_features(setup, std::as_const(X).view(), 40, block.data(), outputs.view(), scratch));
}

TEST_CASE("a linear output's sensitivity is not stored, a curved one's and a factor's are") {
    const Network linear = random_network({2, 3, 2}, {"relu", "identity"}, {true, true}, 4);
    const Network curved = random_network({2, 3, 2}, {"relu", "tanh"}, {true, true}, 4);
    const auto stores_last = [](const Network& network) {
        const Reduction reduction = make_reduction(ReductionKind::trace, 2);
        return lay_out_panel(network, reduction, 4, 4)
            .sensitivities[at(steps_of(network, reduction).back().s)]
            .stored();
    };
    CHECK_FALSE(stores_last(linear));
    CHECK(stores_last(curved));
    CHECK(stores_last(random_bilinear(2, 4)));
}

TEST_CASE(
    "features of graphs with sums and products are those of backpropagation, for one sample, two, and a "
    "strip and one more") {
    constexpr Index strip = 512;  // the most samples that go through a network at a time
    const Network networks[] = {random_residual(4, 5, 11),
                                random_residual(3, 1, 12, "identity"),
                                random_residual(2, 6, 13, "gelu"),
                                random_doubled(4, 3, 14),
                                random_gated(4, 3, 15),
                                random_bilinear(3, 16),
                                random_softmax(4, 3, 17)};
    for (const Network& network : networks) {
        const Index C = network.outputs();
        std::vector<Reduction> reductions{make_rows(strip + 4, 2, C, 15), make_rows(strip + 4, 1, C, 16)};
        for (const ReductionKind kind : all_reductions()) reductions.push_back(make_reduction(kind, C));
        for (const Reduction& reduction : reductions) {
            CAPTURE(static_cast<int>(reduction.kind));
            for (const Index n : {Index{1}, Index{2}, strip + 1}) {
                CAPTURE(n);
                CHECK(largest_difference<double>(network, reduction, n) < 1e-13);
                CHECK(largest_difference<double>(network, reduction, n, 3) < 1e-13);
                CHECK(largest_difference<float>(network, reduction, n) < 1e-6);
            }
        }
    }
}
