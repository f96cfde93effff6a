#include "tangram/tangent/features.hpp"

#include "backward_plan.hpp"
#include "tangram/support/error.hpp"
#include "tangram/tangent/operators.hpp"
#include "tangram/tangent/wrong_number.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace tangram {

namespace {

/// Samples that are pushed through the network at a time: enough for gemm, few enough that a strip of R x d sensitivities stays
/// near 64 MiB. Most of a graph's products are of one sample: there 8 MiB, so that they stay near the cache, and all values below
/// 256 MiB. It depends on the network alone, as the bits do.
Index strip_samples(const Network& network, const Reduction& reduction) {
    Index widest = 0, all = 0;
    bool has_shared = false;
    for (const Value& value : network.values) {
        has_shared = has_shared || value.shared;
        if (value.shared) continue;
        widest = std::max(widest, value.size);
        all += value.size;
    }
    const Index strip = Index{1} << (has_shared ? 20 : 23);
    const Index most = strip / std::max<Index>(widest * reduction.sensitivities(), 1);
    return std::clamp<Index>(has_shared ? std::min(most, (Index{1} << 25) / all) : most, 1, 512);
}

Index kept_values(const Network& network, const Node& node) {
    return routines_of(node.op).kept_values(network.values[at(node.output)].size);
}

void reserve(std::vector<AlignedBuffer<double>>& buffers, std::size_t k, Index size) {
    if (buffers.size() <= k) buffers.resize(k + 1);
    if (buffers[k].size() < size) buffers[k] = AlignedBuffer<double>(size);
}

/// Samples of a strip that a node is applied to: one where its output is shared.
Index samples_of(const Network& network, const Node& node, Index strip) {
    return network.values[at(node.output)].shared ? 1 : strip;
}

void reserve_forward(FeatureScratch& scratch, const Network& network, Index strip) {
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        const Node& node = network.nodes[k];
        const Index samples = samples_of(network, node, strip);
        reserve(scratch.values, at(node.output), samples * network.values[at(node.output)].size);
        reserve(scratch.kept, k, samples * kept_values(network, node));
    }
}

void reserve_backward(FeatureScratch& scratch, const BackwardPlan& plan, Index strip_rows) {
    for (std::size_t k = 0; k < plan.widths.size(); ++k)
        reserve(scratch.sensitivities, k, strip_rows * plan.widths[k]);
}

/// What a matrix of the network holds, for messages.
struct Place {
    const Network& network;
    const char* quantity;  ///< "activation of"
    const Node* layer;     ///< where it arises; for the samples themselves the first
    Index first_sample;
    Index rows_per_sample;  ///< rows of the matrix that belong to one sample
    const char* position = "unit";
};

Place place_of_value(const Network& network, Index value, Index first_sample) {
    const Node* layer = &layer_of_value(network, value);
    const Node* producer = producer_of(network, value);
    if (producer == nullptr) return {network, "input of", layer, first_sample, 1, "column"};
    return {network, routines_of(producer->op).result, layer, first_sample, 1};
}

/// Finds the first value that is not finite in T.
template <class T>
[[noreturn]] void refuse_not_finite(ConstMatrixView<double> source, const Place& place) {
    for (Index i = 0; i < source.rows; ++i) {
        for (Index j = 0; j < source.cols; ++j) {
            const double value = source(i, j);
            if (std::isfinite(static_cast<T>(value))) continue;
            const bool overflows = std::isfinite(value);
            const Node& layer = *place.layer;
            throw WrongNumberError(
                {fmt::format("the {} layer {} is {:.6g}{}", place.quantity, layer.name, value,
                             overflows ? ", beyond float32" : ""),
                 fmt::format("{}, {} {}", describe(place.network.tensors[at(layer.tensors.front())]),
                             place.position, j),
                 place.first_sample + i / place.rows_per_sample,
                 overflows ? "use --precision float64, or smaller samples or weights"
                           : "use smaller samples or weights, or --data-scale"});
        }
    }
    fail(ExitCode::failed, "a value that is not finite vanished");
}

/// Throws if a value is infinite or NaN: an activation may hide it (tanh of infinity is 1).
void require_finite(ConstMatrixView<double> source, const Place& place) {
    double watch = 0;  // stays 0 unless a value is infinite or NaN
    for (Index i = 0; i < source.rows; ++i) {
        const double* row = source.row(i);
#pragma omp simd reduction(+ : watch)
        for (Index j = 0; j < source.cols; ++j) watch += row[j] * 0.0;
    }
    if (watch != 0.0) refuse_not_finite<double>(source, place);
}

/// Rounds `source` to T into `target`, which has as many values in rows that may be longer or shorter.
template <class T>
void store(ConstMatrixView<double> source, MatrixView<T> target, const Place& place) {
    T watch = 0;  // stays 0 unless a value is infinite or NaN
    const Index rows_per_target_row = source.rows / target.rows;
    for (Index i = 0; i < source.rows; ++i) {
        const double* from = source.row(i);
        T* to = target.row(i / rows_per_target_row) + (i % rows_per_target_row) * source.cols;
        for (Index j = 0; j < source.cols; ++j) {
            to[j] = static_cast<T>(from[j]);
            watch += to[j] * T{0};
        }
    }
    if (watch != T{0}) refuse_not_finite<T>(source, place);
}

/// A strip of samples on its way through the network.
struct Strip {
    const Network& network;
    ConstMatrixView<double> X;  ///< (n, d_0)
    Index first_sample;
    FeatureScratch& scratch;

    [[nodiscard]] Index size() const { return X.rows; }
    [[nodiscard]] Index samples_of(const Node& node) const {
        return tangram::samples_of(network, node, size());
    }
    /// (samples, d); one row for all where the value is shared.
    [[nodiscard]] ConstMatrixView<double> value(Index v, Index samples) const {
        if (v == network.input) return X;
        const Value& its = network.values[at(v)];
        return {scratch.values[at(v)].data(), samples, its.size, its.shared && samples > 1 ? 0 : its.size};
    }
    [[nodiscard]] ConstMatrixView<double> value(Index v) const { return value(v, size()); }
    /// What a node reads.
    void list_inputs(const Node& node, std::vector<ConstMatrixView<double>>& inputs) const {
        inputs.clear();
        for (const Index input : node.inputs) inputs.push_back(value(input, samples_of(node)));
    }
    [[nodiscard]] MatrixView<double> kept(std::size_t node) const {
        const Index width = kept_values(network, network.nodes[node]);
        return {scratch.kept[node].data(), samples_of(network.nodes[node]), width, width};
    }
};

void forward(const Strip& strip) {
    std::vector<ConstMatrixView<double>> inputs;
    const std::vector<bool> are_zero =
        strip.network.gradients_are_given ? depends_on_tensors(strip.network) : std::vector<bool>{};
    for (std::size_t k = 0; k < strip.network.nodes.size(); ++k) {
        const Node& node = strip.network.nodes[k];
        const OperatorRoutines& routines = routines_of(node.op);
        strip.list_inputs(node, inputs);
        const Index width = strip.network.values[at(node.output)].size;
        const MatrixView<double> output{strip.scratch.values[at(node.output)].data(), strip.samples_of(node),
                                        width, width};
        if (!are_zero.empty() && are_zero[at(node.output)]) {
            std::fill_n(output.data, output.rows * width, 0.0);
            continue;
        }
        routines.forward({strip.network, node, inputs, output, strip.kept(k), strip.first_sample});
        if (routines.may_overflow)
            require_finite(output, place_of_value(strip.network, node.output, strip.first_sample));
    }
}

/// S of the network's output: E, for each sample, which may depend on its outputs (n, C).   S (n R, C)
void start_sensitivity(const Reduction& reduction, Index first_sample, ConstMatrixView<double> outputs,
                       MatrixView<double> S) {
    const Index R = reduction.sensitivities();
    for (Index i = 0; i < outputs.rows; ++i)
        reduction.fill_rows(first_sample + i, outputs.row(i), S.row_block(i * R, R));
}

/// Where S of a value lies during the backward sweep, (n R, d).
MatrixView<double> sensitivity_of(const Strip& strip, const BackwardPlan& plan, Index R, Index value) {
    const Index width = strip.network.values[at(value)].size;
    return {strip.scratch.sensitivities[at(plan.buffer[at(value)])].data(), strip.size() * R, width, width};
}

/// Backward from the output; store(value, S) sees the sensitivity of every node's output when it is complete.
template <class Store>
void backward(const Strip& strip, const BackwardPlan& plan, const Reduction& reduction,
              Store store_sensitivity) {
    const Network& network = strip.network;
    const Index R = reduction.sensitivities();
    std::vector<bool> begun(network.values.size(), false);
    begun[at(network.output)] = true;
    start_sensitivity(reduction, strip.first_sample, strip.value(network.output),
                      sensitivity_of(strip, plan, R, network.output));
    std::vector<ConstMatrixView<double>> inputs;
    std::vector<Contribution> contributions;
    for (std::size_t k = network.nodes.size(); k-- > 0;) {
        const Node& node = network.nodes[k];
        if (!begun[at(node.output)]) continue;
        const MatrixView<double> S = sensitivity_of(strip, plan, R, node.output);
        store_sensitivity(node.output, ConstMatrixView<double>(S));
        contributions.clear();
        bool any_needed = false;
        for (const Index input : node.inputs) {
            const bool needed = plan.buffer[at(input)] != BackwardPlan::nowhere;
            contributions.push_back(
                needed ? Contribution{sensitivity_of(strip, plan, R, input), begun[at(input)]}
                       : Contribution{});
            begun[at(input)] = begun[at(input)] || needed;
            any_needed = any_needed || needed;
        }
        if (!any_needed) continue;
        strip.list_inputs(node, inputs);
        routines_of(node.op).pull_back({network, node, inputs, S, strip.kept(k), contributions});
    }
}

}  // namespace

template <class T>
void compute_features(const FeatureSetup& setup, ConstMatrixView<double> X, Index first_sample, T* block,
                      MatrixView<double> outputs, FeatureScratch& scratch) {
    const Network& network = setup.network;
    const Reduction& reduction = setup.reduction;
    const PanelLayout& layout = setup.layout;
    const BackwardPlan plan = plan_backward(network, reduction);
    const Index R = reduction.sensitivities();
    const Index strip_size = strip_samples(network, reduction);
    reserve_forward(scratch, network, std::min(strip_size, layout.samples));
    reserve_backward(scratch, plan, std::min(strip_size, layout.samples) * R);
    for (Index first = 0; first < X.rows; first += strip_size) {
        const Index n = std::min(strip_size, X.rows - first);
        const Strip strip{network, X.row_block(first, n), first_sample + first, scratch};
        forward(strip);
        for (std::size_t v = 0; v < layout.values.size(); ++v) {
            const auto value = static_cast<Index>(v);
            if (!layout.values[v].stored()) continue;
            store(strip.value(value), value_view(layout, value, block, first + n).row_block(first, n),
                  place_of_value(network, value, strip.first_sample));
        }
        Place place = place_of_value(network, network.output, strip.first_sample);
        place.quantity = "output of";
        store(strip.value(network.output), outputs.row_block(first, n), place);
        backward(strip, plan, reduction, [&](Index value, ConstMatrixView<double> S) {
            if (!layout.sensitivities[at(value)].stored()) return;
            const Index rows = layout.rows_per_sample;
            store(S, sensitivity_view(layout, value, block, first + n).row_block(first * rows, n * rows),
                  {network, "sensitivity at", &layer_of_value(network, value), strip.first_sample, R});
        });
    }
}

template void compute_features(const FeatureSetup&, ConstMatrixView<double>, Index, float*,
                               MatrixView<double>, FeatureScratch&);
template void compute_features(const FeatureSetup&, ConstMatrixView<double>, Index, double*,
                               MatrixView<double>, FeatureScratch&);

Index feature_scratch_bytes(const Network& network, const Reduction& reduction, Index panel_size) {
    const Index strip = std::min(strip_samples(network, reduction), panel_size);
    Index values = 0;
    for (const Node& node : network.nodes) {
        values += samples_of(network, node, strip) *
                  (network.values[at(node.output)].size + kept_values(network, node));
    }
    for (const Index width : plan_backward(network, reduction).widths)
        values += strip * reduction.sensitivities() * width;
    return values * static_cast<Index>(sizeof(double));
}

namespace {

/// Gives take() the samples X as a strip whose values are made.
template <class Take>
void follow_forward(const Network& network, ConstMatrixView<double> X, Take take) {
    FeatureScratch scratch;
    reserve_forward(scratch, network, X.rows);
    const Strip strip{network, X, 0, scratch};
    forward(strip);
    take(strip);
}

Matrix<double> copy_of(ConstMatrixView<double> from) {
    Matrix<double> copy(from.rows, from.cols);
    for (Index i = 0; i < from.rows; ++i) std::copy_n(from.row(i), from.cols, copy.view().row(i));
    return copy;
}

}  // namespace

std::vector<Matrix<double>> values_of(const Network& network, ConstMatrixView<double> X) {
    std::vector<Matrix<double>> values;
    follow_forward(network, X, [&](const Strip& strip) {
        for (std::size_t v = 0; v < network.values.size(); ++v)
            values.push_back(copy_of(strip.value(static_cast<Index>(v))));
    });
    return values;
}

Matrix<double> outputs_of(const Network& network, ConstMatrixView<double> X) {
    Matrix<double> outputs;
    follow_forward(network, X, [&](const Strip& strip) { outputs = copy_of(strip.value(network.output)); });
    return outputs;
}

}  // namespace tangram
