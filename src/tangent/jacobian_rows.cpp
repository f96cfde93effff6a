#include "tangram/tangent/jacobian_rows.hpp"

#include <algorithm>

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

template void fill_jacobian_rows(const FeatureView&, Index, const std::vector<ParameterRun>&, double*,
                                 MatrixView<float>);
template void fill_jacobian_rows(const FeatureView&, Index, const std::vector<ParameterRun>&, double*,
                                 MatrixView<double>);

}  // namespace tangram
