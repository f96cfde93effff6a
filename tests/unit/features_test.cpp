// Oracle: per-sample backpropagation of tangent/jacobian.hpp, which shares no code with the features.

#include "tangram/tangent/features.hpp"

#include "random_networks.hpp"
#include "tangram/support/error.hpp"
#include "tangram/tangent/jacobian.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

/// Sensitivity of kernel row `row` of one sample in round r, from the reference's D (C, d).
double expected_sensitivity(const Reduction& reduction, const Matrix<double>& D, Index r, Index j) {
    double sum = 0;
    for (Index o = 0; o < D.rows(); ++o) sum += reduction.selects(r, o) * D(o, j);
    return sum;
}

template <class T>
double largest_difference(const Network& network, const Reduction& reduction, Index samples) {
    const Matrix<double> X = random_samples(samples, network.inputs(), 5);
    const PanelLayout layout = lay_out_panel(network, reduction, samples + 2, sizeof(T));
    const AlignedBuffer<T> block(layout.size);
    Matrix<double> outputs(samples, network.outputs());
    FeatureScratch scratch;
    compute_features(network, reduction, layout, X.view(), 0, block.data(), outputs.view(), scratch);

    double worst = 0;
    const auto compare = [&](double mine, double theirs) {
        worst = std::max(worst, std::abs(mine - theirs) / (1.0 + std::abs(theirs)));
    };
    for (Index i = 0; i < samples; ++i) {
        const SampleGradient g = backpropagate(network, {X.view().row(i), at(X.cols())});
        for (Index o = 0; o < network.outputs(); ++o) compare(outputs(i, o), g.outputs[at(o)]);
        for (Index l = 0; l < network.depth(); ++l) {
            const auto input = activation_view(layout, l, block.data(), samples);
            for (Index j = 0; j < input.cols; ++j) {
                compare(static_cast<double>(input(i, j)), g.activations[at(l)][at(j)]);
            }
            if (!layout.sensitivities[at(l)].stored()) continue;
            const auto S = sensitivity_view(layout, l, block.data(), samples);
            const Index width = network.layers[at(l)].fan_out();
            for (Index r = 0; r < reduction.sensitivities(); ++r) {
                for (Index j = 0; j < width; ++j) {
                    const T mine =
                        reduction.is_full() ? S(i * reduction.outputs + r, j) : S(i, r * width + j);
                    compare(static_cast<double>(mine),
                            expected_sensitivity(reduction, g.sensitivities[at(l)], r, j));
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
    for (Index k = 0; k < 6; ++k) network.layers[0].weight.data()[k] = 1e30;
    Matrix<double> X(2, 2);
    X(1, 0) = 1e10;
    const Reduction reduction = make_reduction(ReductionKind::trace, 1);
    Matrix<double> outputs(2, 1);
    FeatureScratch scratch;
    const PanelLayout narrow_layout = lay_out_panel(network, reduction, 2, sizeof(float));
    const AlignedBuffer<float> narrow_block(narrow_layout.size);
    CHECK_THROWS_WITH_AS(compute_features(network, reduction, narrow_layout, std::as_const(X).view(), 40,
                                          narrow_block.data(), outputs.view(), scratch),
                         doctest::Contains("activation of layer fc1"), Error);
    const PanelLayout layout = lay_out_panel(network, reduction, 2, sizeof(double));
    const AlignedBuffer<double> block(layout.size);
    CHECK_NOTHROW(compute_features(network, reduction, layout, std::as_const(X).view(), 40, block.data(),
                                   outputs.view(), scratch));
}

TEST_CASE("a linear output's sensitivity is not stored, a curved one's is") {
    const Network linear = random_network({2, 3, 2}, {"relu", "identity"}, {true, true}, 4);
    const Network curved = random_network({2, 3, 2}, {"relu", "tanh"}, {true, true}, 4);
    const Reduction reduction = make_reduction(ReductionKind::trace, 2);
    CHECK_FALSE(lay_out_panel(linear, reduction, 4, 4).sensitivities.back().stored());
    CHECK(lay_out_panel(curved, reduction, 4, 4).sensitivities.back().stored());
}
