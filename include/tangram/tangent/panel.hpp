#pragma once
// Where the features of one panel of samples lie in memory. Everything that a tile needs of a panel is one
// contiguous block (so that panels travel whole), made of one slot for each matrix:
//
//   X_0 (T, d_0) | X_1 (T, d_1) | .. | X_{L-1} | S_1 | .. | S_L           T samples a panel
//
//   S_l is (T, R d_l), or (T R, d_l) for reduction `full`; S_L is not stored where the output is linear:
//   there it is the constant c_L E, and its Gram is the constant constant_gram().

#include "tangram/model/network.hpp"
#include "tangram/tangent/reduction.hpp"

#include <vector>

namespace tangram {

struct PanelSlot {
    Index offset = 0;  ///< in values from the start of the block
    Index rows = 0;    ///< of a full panel
    Index cols = 0;
    Index ld = 0;
    [[nodiscard]] bool stored() const { return rows > 0; }
};

/// Blocks are a whole number of these bytes, so that MPI can count in them.
inline constexpr Index block_granule = 1024;

struct PanelLayout {
    Index samples = 0;                     ///< T
    Index rows_per_sample = 1;             ///< rows of S_l a sample: R for full, 1 otherwise
    Index size = 0;                        ///< values in one block
    std::vector<PanelSlot> activations;    ///< [l-1]: X_{l-1}, l = 1..L
    std::vector<PanelSlot> sensitivities;  ///< [l-1]: S_l, l = 1..L
};

/// The layout for panels of `samples` samples held in values of `value_bytes` bytes (which decides the
/// padding).
PanelLayout lay_out_panel(const Network& network, const Reduction& reduction, Index samples,
                          Index value_bytes);

/// S_L S_L^T where the output is linear: c_L^2 C for trace, mean and sum, c_L^2 for a logit; for full, c_L^2
/// where the two outputs are the same and 0 where not.
double constant_gram(const Network& network, const Reduction& reduction);

/// The first `samples` samples of one matrix of the panel at `block`.
template <class T>
MatrixView<T> activation_view(const PanelLayout& layout, Index layer, T* block, Index samples) {
    const PanelSlot& slot = layout.activations[static_cast<std::size_t>(layer)];
    return {block + slot.offset, samples, slot.cols, slot.ld};
}
template <class T>
MatrixView<T> sensitivity_view(const PanelLayout& layout, Index layer, T* block, Index samples) {
    const PanelSlot& slot = layout.sensitivities[static_cast<std::size_t>(layer)];
    return {block + slot.offset, samples * layout.rows_per_sample, slot.cols, slot.ld};
}

}  // namespace tangram
