#pragma once
// Features of samples: activations X_l and sensitivities S_l = d(output_r)/d z_l, by one forward and one
// backward pass.
//
//   (n, d_l)       Z_l = a_l X_{l-1} W_l^T + b_l B_l     X_l = c_l phi_l(Z_l)
//   (n, R, d_l)    S_L = E * c_L phi_L'(Z_L)             S_{l-1} = a_l (S_l W_l) * c_{l-1} phi_{l-1}'(Z_{l-1})
//
// All of it is computed in float64 and rounded once, when it is stored: a float32 kernel then carries the
// rounding of its Gram products only, however deep the network, and no relu falls on the other side of its
// kink. Work: about 2 n P (1 + R) operations for P parameters, against 2 n N D for the tiles.

#include "tangram/model/network.hpp"
#include "tangram/tangent/panel.hpp"
#include "tangram/tangent/reduction.hpp"

namespace tangram {

/// Scratch memory for one thread; grows at first use and is then reused.
struct FeatureScratch {
    std::vector<AlignedBuffer<double>> preactivations, activations, derivatives;  ///< [l-1]: (strip, d_l)
    AlignedBuffer<double> sensitivity, next_sensitivity;                          ///< (strip, R, max d)
};

/// Bytes of the scratch that compute_features() makes for panels of `panel_size` samples.
Index feature_scratch_bytes(const Network& network, const Reduction& reduction, Index panel_size);

/// Computes the features of the samples X (n, d_0) into the panel at `block` (n <= layout.samples) and the
/// outputs X_L (n, C) into `outputs`. Bits depend on n, the network and the CPU only. One BLAS thread. Throws
/// WrongNumberError naming layer, sample (counted from `first_sample`) and tensor of the first value that is
/// not finite, or that overflows T.
void compute_features(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                      ConstMatrixView<double> X, Index first_sample, float* block, MatrixView<double> outputs,
                      FeatureScratch& scratch);
void compute_features(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                      ConstMatrixView<double> X, Index first_sample, double* block,
                      MatrixView<double> outputs, FeatureScratch& scratch);

/// Preactivations Z_l (n, d_l) of samples X, l = 1..L, by the same products as the features; the last bits may
/// differ, because gemm sees another number of rows.
std::vector<Matrix<double>> preactivations(const Network& network, ConstMatrixView<double> X);

}  // namespace tangram
