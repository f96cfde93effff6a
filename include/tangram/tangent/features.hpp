#pragma once
// Features of samples: values X and sensitivities S = E d(outputs)/d(value), by one forward and one backward sweep over
// the graph, operator by operator (tangent/operators.hpp).
//
//   forward     every node once, in order                        values (n, d)
//   backward    S of the output is E; every node once, from the last: a value's S is the sum over its consumers    (n R, d)
//
// All of it is computed in float64 and rounded once, when it is stored: a float32 kernel then carries the
// rounding of its Gram products only, however deep the network, and no relu falls on the other side of its
// kink. Work of a dense chain: about 2 n P (1 + R) operations for P parameters, against 2 n N D for the tiles.

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"
#include "tangram/tangent/panel.hpp"

namespace tangram {

/// Scratch memory for one thread; grows at first use and is then reused.
struct FeatureScratch {
    std::vector<AlignedBuffer<double>> values;  ///< [value]: (strip, d); the input's stays where it is
    std::vector<AlignedBuffer<double>> kept;    ///< [node]: (strip, kept_values())
    std::vector<AlignedBuffer<double>>
        sensitivities;  ///< (strip R, widest that it is used for), used in turn
};

/// Bytes of the scratch that compute_features() makes for panels of `panel_size` samples.
Index feature_scratch_bytes(const Network& network, const Reduction& reduction, Index panel_size);

/// What is the same for all panels of an axis.
struct FeatureSetup {
    const Network& network;
    const Reduction& reduction;
    const PanelLayout& layout;
};

/// Computes the features of the samples X (n, d_0) into the panel at `block` (n <= layout.samples) and the
/// outputs (n, C) into `outputs`. Bits depend on n, the network and the CPU only. One BLAS thread. Throws
/// WrongNumberError naming layer, sample (counted from `first_sample`) and tensor of the first value that is
/// not finite, or that overflows T.
template <class T>
void compute_features(const FeatureSetup& setup, ConstMatrixView<double> X, Index first_sample, T* block,
                      MatrixView<double> outputs, FeatureScratch& scratch);

/// [value]: (n, d) for samples X, by the same products as the features; the last bits may differ, because gemm sees
/// another number of rows.
std::vector<Matrix<double>> values_of(const Network& network, ConstMatrixView<double> X);

/// The network's outputs (n, C), as values_of has them.
Matrix<double> outputs_of(const Network& network, ConstMatrixView<double> X);

}  // namespace tangram
