#pragma once
// Small random networks and samples for tests, from a hash of their own, the same on every rank.

#include "tangram/model/network.hpp"
#include "tangram/tangent/reduction.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tangram::test {

/// A number in (-1, 1), a function of `seed` and `counter` alone.
inline double random_number(std::uint64_t seed, std::uint64_t counter) {
    std::uint64_t z = (seed * 2862933555777941757U + counter + 3037000493U) * 3935559000370003845U;
    z ^= z >> 29U;
    z *= 2685821657736338717U;
    return 2.0 * (static_cast<double>(z >> 11U) * 0x1p-53) - 1.0;
}

inline void fill_random(MatrixView<double> matrix, std::uint64_t seed) {
    for (Index i = 0; i < matrix.rows; ++i) {
        for (Index j = 0; j < matrix.cols; ++j) {
            matrix(i, j) = random_number(seed, static_cast<std::uint64_t>(i * matrix.cols + j));
        }
    }
}

/// Widths d_0, .., C; one activation a layer; a bias where `biases` says so; uneven scales, so that one
/// forgotten shows.
inline Network random_network(const std::vector<Index>& widths, const std::vector<std::string>& activations,
                              const std::vector<bool>& biases, std::uint64_t seed) {
    Network network;
    for (std::size_t l = 1; l < widths.size(); ++l) {
        Layer& layer = network.layers.emplace_back();
        layer.name = "fc" + std::to_string(l);
        layer.weight_name = layer.name + ".weight";
        layer.weight = Matrix<double>(widths[l], widths[l - 1]);
        fill_random(layer.weight.view(), seed + 2 * l);
        if (biases[l - 1]) {
            layer.bias_name = layer.name + ".bias";
            for (Index j = 0; j < widths[l]; ++j) {
                layer.bias.push_back(random_number(seed + 2 * l + 1, static_cast<std::uint64_t>(j)));
            }
        }
        layer.activation = parse_activation(activations[l - 1]);
        layer.weight_scale = 1.0 + 0.25 * static_cast<double>(l);
        layer.bias_scale = 2.0 - 0.3 * static_cast<double>(l);
        layer.output_scale = 0.7 + 0.1 * static_cast<double>(l);
    }
    return network;
}

inline Matrix<double> random_samples(Index count, Index width, std::uint64_t seed) {
    Matrix<double> X(count, width);
    fill_random(X.view(), seed);
    return X;
}

inline Reduction make_reduction(ReductionKind kind, Index outputs) {
    Reduction reduction;
    reduction.kind = kind;
    reduction.outputs = outputs;
    if (kind == ReductionKind::logit) reduction.logit = outputs - 1;
    return reduction;
}

inline const std::vector<ReductionKind>& all_reductions() {
    static const std::vector<ReductionKind> kinds{ReductionKind::trace, ReductionKind::mean,
                                                  ReductionKind::sum, ReductionKind::full,
                                                  ReductionKind::logit};
    return kinds;
}

}  // namespace tangram::test
