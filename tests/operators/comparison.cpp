#include "comparison.hpp"

#include "helpers/worst.hpp"
#include "tangram/support/random.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/jacobian_rows.hpp"
#include "tangram/tangent/reference/finite_difference.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

namespace tangram::test {

namespace {

constexpr Index samples = 2;
constexpr Index most_outputs = 64, few_outputs = 8;
constexpr std::uint64_t seed = 5;

/// The case's own sample, and one of other numbers with the same signs, off the corners at 0.
Matrix<double> samples_of(const std::vector<double>& sample, double factor) {
    Matrix<double> X(samples, static_cast<Index>(sample.size()));
    for (Index k = 0; k < X.cols(); ++k) {
        X(0, k) = sample[at(k)];
        X(1, k) = sample[at(k)] != 0 ? sample[at(k)] * (factor + 0.02 * static_cast<double>(k % 7)) : 0.1;
    }
    return X;
}

/// The second nearer to 0, or, where a function is not defined there, farther from it.
Matrix<double> samples_for(const Network& network, const std::vector<double>& sample) {
    Matrix<double> X = samples_of(sample, 0.8);
    try {
        values_of(network, X.view());
    } catch (const Error&) {
        X = samples_of(sample, 1.02);
    }
    return X;
}

/// Where there are many outputs y, E y in their place with random E (few_outputs, C): the reference holds all rows of J.
void sum_outputs(Network& network) {
    const Index C = network.outputs();
    if (C <= most_outputs) return;
    std::vector<double> E(at(few_outputs * C));
    for (std::size_t k = 0; k < E.size(); ++k)
        E[k] = static_cast<double>(splitmix64(k) % 2000001) * 1e-6 - 1;  // -1 to 1
    const auto numbers = std::make_shared<const std::vector<double>>(std::move(E));
    const Index value = add_node(network, Constant{numbers}, "E", {}, {}, few_outputs * C);
    const MatMul product{few_outputs, C, 1, false, false, 1, {0}, {0}};
    network.output = add_node(network, product, "sums", {value, network.output}, {}, few_outputs);
}

Matrix<double> jacobian_of_features(const Network& network, const Matrix<double>& X) {
    const Reduction reduction{ReductionKind::trace, -1, network.outputs()};
    const PanelLayout layout = lay_out_panel(network, reduction, X.rows(), sizeof(double));
    const AlignedBuffer<double> block(layout.size);
    Matrix<double> outputs(X.rows(), network.outputs());
    FeatureScratch scratch;
    compute_features({network, reduction, layout}, X.view(), 0, block.data(), outputs.view(), scratch);
    const std::vector<Step> steps = steps_of(network, reduction);
    Index widest = 0;
    for (const Value& value : network.values) widest = std::max(widest, value.size);
    std::vector<double> s(at(widest));
    const auto runs = runs_of_parameters(parameter_blocks(network), steps, 0, network.parameters());
    Matrix<double> J(X.rows() * network.outputs(), network.parameters());
    fill_jacobian_rows(FeatureView{network, reduction, layout, block.data(), X.rows()}, steps, 0, runs,
                       s.data(), J.view());
    return J;
}

Matrix<double> jacobian_of_reference(const Network& network, std::span<const SampleGradient> gradients) {
    const Reduction reduction{ReductionKind::trace, -1, network.outputs()};
    Matrix<double> J(static_cast<Index>(gradients.size()) * network.outputs(), network.parameters());
    for (const ParameterBlock& block : parameter_blocks(network)) {
        const Index units = network.tensors[at(block.tensor)].units();
        const Matrix<double> part = jacobian_block(network, reduction, block.tensor, gradients, 0, units);
        for (Index row = 0; row < J.rows(); ++row)
            std::copy_n(part.view().row(row), part.cols(), J.view().row(row) + block.first);
    }
    return J;
}

/// max |a - b| / max |b|.
double relative_difference(const Matrix<double>& a, const Matrix<double>& b) {
    double largest = 0, worst = 0;
    for (Index k = 0; k < a.size(); ++k) {
        largest = std::max(largest, std::abs(b.data()[k]));
        if (a.data()[k] != b.data()[k]) keep_worst(worst, std::abs(a.data()[k] - b.data()[k]));
    }
    return largest > 0 ? worst / largest : worst;
}

std::span<const double> row_of(const Matrix<double>& m, Index i) {
    return {m.view().row(i), at(m.cols())};
}

}  // namespace

void keep_worst(Differences& worst, const Differences& one) {
    keep_worst(worst.batched, one.batched);
    keep_worst(worst.reference, one.reference);
    keep_worst(worst.between, one.between);
    keep_worst(worst.finite, one.finite);
    worst.undecided += one.undecided;
    worst.constant = worst.constant && one.constant;
}

double difference(std::span<const double> a, std::span<const double> b) {
    double largest = 1, worst = 0;
    for (std::size_t k = 0; k < b.size(); ++k) {
        if (std::isfinite(b[k])) largest = std::max(largest, std::abs(b[k]));
        if (a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]))) continue;
        keep_worst(worst, std::abs(a[k] - b[k]));
    }
    return worst / largest;
}

Differences compare(CaseNetwork made, std::span<const double> expected) {
    if (made.numbers) {
        const double off = difference(*made.numbers, expected);
        return {.batched = off, .reference = off};
    }
    Network& network = made.network;
    const std::size_t y = at(network.output);
    sum_outputs(network);
    const Matrix<double> X = samples_for(network, made.sample);
    const Matrix<double> batched = std::move(values_of(network, X.view())[y]);  // not of their sum
    std::vector<SampleGradient> gradients;
    for (Index i = 0; i < X.rows(); ++i) gradients.push_back(backpropagate(network, row_of(X, i)));
    Differences found{.batched = difference(row_of(batched, 0), expected),
                      .reference = difference(gradients[0].values[y], expected),
                      .between = relative_difference(jacobian_of_features(network, X),
                                                     jacobian_of_reference(network, gradients)),
                      .constant = false};
    keep_worst(found.between, difference(row_of(batched, 1), gradients[1].values[y]));
    const FiniteDifferenceResult differences = compare_with_finite_differences(network, gradients, seed);
    found.finite = differences.error;
    found.undecided = differences.undecided;
    return found;
}

}  // namespace tangram::test
