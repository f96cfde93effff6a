#include "operators.hpp"
#include "paths.hpp"
#include "tangram/tangent/reference/jacobian.hpp"
#include "tangram/tangent/reference/sample_rows.hpp"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

namespace tangram {

namespace {

void apply(const Network& network, const Node& node, SampleGradient& sample) {
    std::vector<double>& y = sample.values[at(node.output)];
    const auto size = static_cast<Index>(y.size());
    reference::forward(node, reference::operands_of(network, node, sample), {y.data(), 1, size, size});
}

/// E of the sample; nothing where every output is a row of its own, zeros where the outputs are needed first.
Matrix<double> rows_of(const Followed& followed) {
    const Reduction& reduction = followed.reduction;
    if (reduction.is_every_output()) return {};
    Matrix<double> E(reduction.sensitivities(), reduction.outputs);
    if (reduction.needs_outputs()) return E;
    for (Index r = 0; r < E.rows(); ++r) {
        for (Index o = 0; o < E.cols(); ++o) E(r, o) = reduction.weight(followed.sample, r, o);
    }
    return E;
}

/// Arrays of what is not shared, for so many rows.
void reserve(const Network& network, const SharedValues& shared, Index rows, SampleGradient& sample) {
    const std::vector<bool> counts = reference::between_tensors_and_output(network);
    for (std::size_t v = 0; v < network.values.size(); ++v) {
        const Index size = network.values[v].size;
        const bool is_own = !shared || !network.values[v].shared;
        sample.values.emplace_back(is_own ? at(size) : 0);
        sample.sensitivities.emplace_back(is_own && counts[v] ? rows : 0, size);
    }
}

/// Forward and backward, into arrays that are zero.
void sweep(const Network& network, std::span<const double> x, SampleGradient& sample) {
    assert(static_cast<Index>(x.size()) == network.inputs());
    sample.values[at(network.input)].assign(x.begin(), x.end());
    const std::vector<bool> are_zero =
        network.gradients_are_given ? depends_on_tensors(network) : std::vector<bool>(network.values.size());
    for (const Node& node : network.nodes) {
        if (!sample.values[at(node.output)].empty() && !are_zero[at(node.output)])
            apply(network, node, sample);
    }
    sample.outputs = sample.value(network.output);
    if (sample.of_outputs != nullptr) give_rows(sample);

    Matrix<double>& D_output = sample.sensitivities[at(network.output)];
    for (Index r = 0; r < D_output.rows(); ++r) {
        if (sample.E.rows() > 0)
            std::copy_n(sample.E.view().row(r), D_output.cols(), D_output.view().row(r));
        else
            D_output(r, r) = 1;
    }
    for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
        const Matrix<double>& D = sample.sensitivities[at(node->output)];
        if (D.rows() == 0) continue;
        std::vector<MatrixView<double>> D_inputs;
        for (const Index input : node->inputs) D_inputs.push_back(sample.sensitivities[at(input)].view());
        reference::pull_back(*node, reference::operands_of(network, *node, sample), D.view(), D_inputs);
    }
}

}  // namespace

SharedValues shared_values(const Network& network) {
    SampleGradient sample;
    for (const Value& value : network.values) sample.values.emplace_back(value.shared ? at(value.size) : 0);
    for (const Node& node : network.nodes) {
        if (network.values[at(node.output)].shared && !network.gradients_are_given)
            apply(network, node, sample);
    }
    return std::make_shared<const std::vector<std::vector<double>>>(std::move(sample.values));
}

SampleGradient empty_gradient(const Network& network) {
    SampleGradient sample;
    sample.outputs.resize(at(network.outputs()));
    reserve(network, nullptr, network.outputs(), sample);
    return sample;
}

SampleGradient empty_gradient(const Network& network, const Followed& followed) {
    SampleGradient sample;
    sample.sample = followed.sample;
    sample.outputs.resize(at(network.outputs()));
    sample.shared = followed.shared;
    sample.E = rows_of(followed);
    if (followed.reduction.needs_outputs()) {
        sample.of_outputs = &followed.reduction;
        sample.E_sizes = Matrix<double>(sample.E.rows(), sample.E.cols());
    }
    reserve(network, sample.shared, sample.rows(), sample);
    return sample;
}

SampleGradient backpropagate_alike(const Network& network, const SampleGradient& sample,
                                   std::span<const double> x) {
    SampleGradient other = empty_alike(network, sample, sample.shared);
    sweep(network, x, other);
    return other;
}

SampleGradient backpropagate(const Network& network, std::span<const double> x) {
    SampleGradient sample = empty_gradient(network);
    sweep(network, x, sample);
    return sample;
}

SampleGradient backpropagate(const Network& network, const Followed& followed, std::span<const double> x) {
    SampleGradient sample = empty_gradient(network, followed);
    sweep(network, x, sample);
    return sample;
}

SampleGradient empty_alike(const Network& network, const SampleGradient& sample, SharedValues shared) {
    SampleGradient other;
    other.sample = sample.sample;
    other.outputs.resize(at(network.outputs()));
    other.shared = std::move(shared);
    other.E = Matrix<double>(sample.E.rows(), sample.E.cols());
    std::copy_n(sample.E.data(), sample.E.size(), other.E.data());
    other.of_outputs = sample.of_outputs;
    other.E_sizes = Matrix<double>(sample.E_sizes.rows(), sample.E_sizes.cols());
    std::copy_n(sample.E_sizes.data(), sample.E_sizes.size(), other.E_sizes.data());
    reserve(network, other.shared, other.rows(), other);
    return other;
}

std::vector<double> followed_outputs(const SampleGradient& sample, std::span<const double> f) {
    if (sample.of_outputs != nullptr) return row_functions(sample, f);
    if (sample.E.rows() == 0) return {f.begin(), f.end()};
    std::vector<double> rows(at(sample.E.rows()));
    for (Index r = 0; r < sample.E.rows(); ++r) {
        for (Index o = 0; o < sample.E.cols(); ++o) rows[at(r)] += sample.E(r, o) * f[at(o)];
    }
    return rows;
}

}  // namespace tangram
