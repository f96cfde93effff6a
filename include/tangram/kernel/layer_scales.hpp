#pragma once
// What one layer's Gram products are multiplied by: K[W_l] = weight (S_l S_l^T) o (X_{l-1} X_{l-1}^T) and
// K[B_l] = bias S_l S_l^T.

#include "tangram/model/network.hpp"
#include "tangram/tangent/reduction.hpp"

namespace tangram {

struct LayerScales {
    double weight = 0;  ///< a_l^2, divided by C for mean
    double bias = 0;    ///< b_l^2, the same; 0 without a bias
};

inline LayerScales scales_of(const Layer& layer, const Reduction& reduction) {
    return {layer.weight_scale * layer.weight_scale * reduction.factor(),
            layer.has_bias() ? layer.bias_scale * layer.bias_scale * reduction.factor() : 0.0};
}

}  // namespace tangram
