#include "tangram/tangent/jacobian_rows.hpp"

#include "tangram/support/blas.hpp"

#include <algorithm>
#include <utility>

namespace tangram {

namespace {

/// One run of one row of J.
template <class T>
void fill_run(const Layer& layer, const ParameterRun& run, const double* s, const double* x, T* out) {
    if (run.is_bias) {
        for (Index k = 0; k < run.length; ++k) out[k] = static_cast<T>(layer.bias_scale * s[run.unit + k]);
        return;
    }
    const double factor = layer.weight_scale * s[run.unit];
    x += run.input;
    for (Index k = 0; k < run.length; ++k) out[k] = static_cast<T>(factor * x[k]);
}

}  // namespace

std::vector<ParameterRun> runs_of_parameters(const std::vector<ParameterBlock>& blocks, Index first,
                                             Index count) {
    std::vector<ParameterRun> runs;
    for (const ParameterBlock& block : blocks) {
        const Index end = std::min(block.end(), first + count);
        for (Index p = std::max(block.first, first); p < end;) {
            const Index unit = (p - block.first) / block.fan_in;
            const Index input = (p - block.first) % block.fan_in;
            const Index length = block.is_bias ? end - p : std::min(block.fan_in - input, end - p);
            runs.push_back({block.layer, block.is_bias, unit, input, length, p - first});
            p += length;
        }
    }
    return runs;
}

void FeatureView::copy_sensitivity(Index layer, Index i, Index r, double* s) const {
    const Layer& of = network.layers[at(layer)];
    if (layout.sensitivities[at(layer)].stored()) {
        const auto S = sensitivity_view(layout, layer, block, samples);
        std::copy_n(S.row(i) + r * of.fan_out(), of.fan_out(), s);
        return;
    }
    for (Index j = 0; j < of.fan_out(); ++j) s[j] = of.output_scale * reduction.selects(r, j);
}

template <class T>
void fill_jacobian_rows(const FeatureView& features, Index first, const std::vector<ParameterRun>& runs,
                        double* s, MatrixView<T> J) {
    const Index R = features.reduction.sensitivities();
    for (Index row = 0; row < J.rows; ++row) {
        const Index i = first + row / R;
        Index layer = -1;  // whose sensitivities `s` has
        for (const ParameterRun& run : runs) {
            if (run.layer != layer) {
                layer = run.layer;
                features.copy_sensitivity(layer, i, row % R, s);
            }
            const auto X = activation_view(features.layout, layer, features.block, features.samples);
            fill_run(features.network.layers[at(layer)], run, s, X.row(i), J.row(row) + run.column);
        }
    }
}

void add_squared_jacobian(const FeatureView& features, const std::vector<ParameterBlock>& blocks,
                          std::vector<double>& diagonal) {
    for (const ParameterBlock& block : blocks) {
        const Layer& layer = features.network.layers[at(block.layer)];
        const auto X = activation_view(features.layout, block.layer, features.block, features.samples);
        std::vector<double> s(at(layer.fan_out()));
        Matrix<double> weights(features.samples, layer.fan_out());  // sum over r of S o S, with the scale
        const double scale = block.is_bias ? layer.bias_scale : layer.weight_scale;
        for (Index i = 0; i < features.samples; ++i) {
            for (Index r = 0; r < features.reduction.sensitivities(); ++r) {
                features.copy_sensitivity(block.layer, i, r, s.data());
                for (Index j = 0; j < layer.fan_out(); ++j)
                    weights(i, j) += scale * s[at(j)] * (scale * s[at(j)]);
            }
        }
        Matrix<double> squares(features.samples, block.fan_in);
        for (Index i = 0; i < features.samples; ++i) {
            for (Index k = 0; k < block.fan_in; ++k) squares(i, k) = block.is_bias ? 1 : X(i, k) * X(i, k);
        }
        blas::gemm(blas::Op::transpose, blas::Op::none, 1.0, std::as_const(weights).view(),
                   std::as_const(squares).view(), 1.0,
                   {diagonal.data() + block.first, layer.fan_out(), block.fan_in, block.fan_in});
    }
}

template void fill_jacobian_rows(const FeatureView&, Index, const std::vector<ParameterRun>&, double*,
                                 MatrixView<float>);
template void fill_jacobian_rows(const FeatureView&, Index, const std::vector<ParameterRun>&, double*,
                                 MatrixView<double>);

}  // namespace tangram
