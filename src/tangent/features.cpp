#include "tangram/tangent/features.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"
#include "tangram/tangent/wrong_number.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

using blas::Op;

/// Samples that are pushed through the network at a time: enough for gemm, few enough that a strip of R x d
/// sensitivities stays near 64 MiB. It depends on the network alone, as the bits do.
Index strip_samples(const Network& network, const Reduction& reduction) {
    Index widest = network.inputs();
    for (const Layer& layer : network.layers) widest = std::max(widest, layer.fan_out());
    return std::clamp<Index>((Index{1} << 23) / (widest * reduction.sensitivities()), 1, 512);
}

void reserve(AlignedBuffer<double>& buffer, Index size) {
    if (buffer.size() < size) buffer = AlignedBuffer<double>(size);
}

void reserve(FeatureScratch& scratch, const Network& network, const Reduction& reduction, Index strip) {
    const auto depth = network.layers.size();
    scratch.preactivations.resize(depth);
    scratch.activations.resize(depth);
    scratch.derivatives.resize(depth);
    Index widest = 0;
    for (std::size_t l = 0; l < depth; ++l) {
        const Index width = network.layers[l].fan_out();
        widest = std::max(widest, width);
        reserve(scratch.preactivations[l], strip * width);
        reserve(scratch.activations[l], strip * width);
        reserve(scratch.derivatives[l], strip * width);
    }
    reserve(scratch.sensitivity, strip * reduction.sensitivities() * widest);
    reserve(scratch.next_sensitivity, strip * reduction.sensitivities() * widest);
}

/// What a matrix of the network holds, for messages.
struct Place {
    const char* quantity;  ///< "activation of"
    const Layer* layer;    ///< where it arises; for the samples themselves the first
    Index first_sample;
    Index rows_per_sample;  ///< rows of the matrix that belong to one sample
    const char* position = "unit";
};

/// Finds the first value that is not finite in T.
template <class T>
[[noreturn]] void refuse_not_finite(ConstMatrixView<double> source, const Place& place) {
    for (Index i = 0; i < source.rows; ++i) {
        for (Index j = 0; j < source.cols; ++j) {
            const double value = source(i, j);
            if (std::isfinite(static_cast<T>(value))) continue;
            const Layer& layer = *place.layer;
            const bool overflows = std::isfinite(value);
            throw WrongNumberError({fmt::format("the {} layer {} is {:.6g}{}", place.quantity, layer.name,
                                                value, overflows ? ", beyond float32" : ""),
                                    fmt::format("{}, ({}, {}), {} {}", layer.weight_name, layer.fan_out(),
                                                layer.fan_in(), place.position, j),
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

/// Z = a X W^T + b B.   X (n, d_in), Z (n, d_out)
void apply_linear(const Layer& layer, ConstMatrixView<double> X, MatrixView<double> Z) {
    blas::gemm(Op::none, Op::transpose, layer.weight_scale, X, layer.weight.view(), 0.0, Z);
    if (!layer.has_bias()) return;
    for (Index i = 0; i < Z.rows; ++i) {
        for (Index j = 0; j < Z.cols; ++j)
            Z(i, j) += layer.bias_scale * layer.bias[static_cast<std::size_t>(j)];
    }
}

/// Forward through all layers: Z_l, X_l and dX_l/dZ_l into the scratch.   X (n, d_0)
void forward(const Network& network, ConstMatrixView<double> X, Index first_sample, FeatureScratch& scratch) {
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        const Layer& layer = network.layers[l];
        const Index width = layer.fan_out();
        const auto count = static_cast<std::size_t>(X.rows * width);
        const MatrixView<double> Z{scratch.preactivations[l].data(), X.rows, width, width};
        apply_linear(layer, X, Z);
        require_finite(Z, {"preactivation of", &layer, first_sample, 1});
        activate(layer.activation, layer.output_scale, {Z.data, count},
                 {scratch.activations[l].data(), count}, {scratch.derivatives[l].data(), count});
        X = {scratch.activations[l].data(), Z.rows, width, width};
    }
}

/// S_L = E * c_L phi_L'(Z_L).   derivative (n, C), S (n R, C)
void start_sensitivity(const Reduction& reduction, ConstMatrixView<double> derivative, MatrixView<double> S) {
    const Index R = reduction.sensitivities();
    for (Index i = 0; i < derivative.rows; ++i) {
        for (Index r = 0; r < R; ++r) {
            for (Index o = 0; o < derivative.cols; ++o)
                S(i * R + r, o) = reduction.selects(r, o) * derivative(i, o);
        }
    }
}

/// S_{l-1} = a_l (S_l W_l) * c_{l-1} phi_{l-1}'(Z_{l-1}).   S (n R, d_l), derivative (n, d_{l-1}), below (n R, d_{l-1})
void pull_back(const Layer& layer, ConstMatrixView<double> S, ConstMatrixView<double> derivative,
               MatrixView<double> below) {
    blas::gemm(Op::none, Op::none, layer.weight_scale, S, layer.weight.view(), 0.0, below);
    const Index R = below.rows / derivative.rows;
    for (Index i = 0; i < below.rows; ++i) {
        const double* slope = derivative.row(i / R);
        double* row = below.row(i);
        for (Index j = 0; j < below.cols; ++j) row[j] *= slope[j];
    }
}

/// Backward from the output: S_l, l = L..1, each stored in the panel where the layout has a slot for it.
template <class T>
void backward(const Network& network, const Reduction& reduction, const PanelLayout& layout,
              Index first_sample, Index n, Index first_in_panel, T* block, FeatureScratch& scratch) {
    const Index R = reduction.sensitivities();
    const Index depth = network.depth();
    const auto derivative_view = [&](Index l) {
        const Index width = network.layers[static_cast<std::size_t>(l)].fan_out();
        return ConstMatrixView<double>{scratch.derivatives[static_cast<std::size_t>(l)].data(), n, width,
                                       width};
    };
    MatrixView<double> S{scratch.sensitivity.data(), n * R, network.outputs(), network.outputs()};
    double* spare = scratch.next_sensitivity.data();
    start_sensitivity(reduction, derivative_view(depth - 1), S);
    for (Index l = depth - 1; l >= 0; --l) {
        const Layer& layer = network.layers[static_cast<std::size_t>(l)];
        if (layout.sensitivities[static_cast<std::size_t>(l)].stored()) {
            const Index rows = layout.rows_per_sample;
            const auto whole = sensitivity_view(layout, l, block, first_in_panel + n);
            store(ConstMatrixView<double>(S), whole.row_block(first_in_panel * rows, n * rows),
                  {"sensitivity at", &layer, first_sample, R});
        }
        if (l == 0) break;
        const MatrixView<double> below{spare, n * R, layer.fan_in(), layer.fan_in()};
        pull_back(layer, S, derivative_view(l - 1), below);
        spare = S.data;
        S = below;
    }
}

template <class T>
void compute_features_of(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                         ConstMatrixView<double> X, Index first_sample, T* block, MatrixView<double> outputs,
                         FeatureScratch& scratch) {
    const Index strip = strip_samples(network, reduction);
    reserve(scratch, network, reduction, std::min(strip, layout.samples));
    for (Index first = 0; first < X.rows; first += strip) {
        const Index n = std::min(strip, X.rows - first);
        forward(network, X.row_block(first, n), first_sample + first, scratch);
        for (Index l = 0; l < network.depth(); ++l) {
            const Layer& layer = network.layers[static_cast<std::size_t>(l)];
            const auto input =
                l == 0 ? X.row_block(first, n)
                       : ConstMatrixView<double>{scratch.activations[static_cast<std::size_t>(l - 1)].data(),
                                                 n, layer.fan_in(), layer.fan_in()};
            const Place place = l == 0
                                    ? Place{"input of", &layer, first_sample + first, 1, "column"}
                                    : Place{"activation of", &network.layers[static_cast<std::size_t>(l - 1)],
                                            first_sample + first, 1};
            store(input, activation_view(layout, l, block, first + n).row_block(first, n), place);
        }
        const ConstMatrixView<double> output{scratch.activations.back().data(), n, network.outputs(),
                                             network.outputs()};
        store(output, outputs.row_block(first, n),
              {"output of", &network.layers.back(), first_sample + first, 1});
        backward(network, reduction, layout, first_sample + first, n, first, block, scratch);
    }
}

}  // namespace

void compute_features(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                      ConstMatrixView<double> X, Index first_sample, float* block, MatrixView<double> outputs,
                      FeatureScratch& scratch) {
    compute_features_of(network, reduction, layout, X, first_sample, block, outputs, scratch);
}

void compute_features(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                      ConstMatrixView<double> X, Index first_sample, double* block,
                      MatrixView<double> outputs, FeatureScratch& scratch) {
    compute_features_of(network, reduction, layout, X, first_sample, block, outputs, scratch);
}

Index feature_scratch_bytes(const Network& network, const Reduction& reduction, Index panel_size) {
    Index widest = 0;
    Index values = 0;
    for (const Layer& layer : network.layers) {
        widest = std::max(widest, layer.fan_out());
        values += 3 * layer.fan_out();
    }
    values += 2 * reduction.sensitivities() * widest;
    return std::min(strip_samples(network, reduction), panel_size) * values *
           static_cast<Index>(sizeof(double));
}

std::vector<Matrix<double>> preactivations(const Network& network, ConstMatrixView<double> X) {
    FeatureScratch scratch;
    reserve(scratch, network, Reduction{}, X.rows);
    forward(network, X, 0, scratch);
    std::vector<Matrix<double>> Z;
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        Z.emplace_back(X.rows, network.layers[l].fan_out());
        std::copy_n(scratch.preactivations[l].data(), Z.back().size(), Z.back().data());
    }
    return Z;
}

}  // namespace tangram
