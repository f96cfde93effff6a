#pragma once
// Where the features of one panel of samples lie in memory. Everything that a tile needs of a panel is one
// contiguous block (so that panels travel whole), made of one slot for each value that some step needs
// (tangent/steps.hpp), shared by all steps that need it:
//
//   X of values (T, d) | .. | S of values (T, R d), or (T R, d) for reduction `full` | ..          T samples a panel
//
//   A sensitivity that is the same for all samples is not stored (constant_sensitivity()).

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <cassert>
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
    Index rows_per_sample = 1;             ///< rows of S a sample: R for full, 1 otherwise
    Index size = 0;                        ///< values in one block
    std::vector<PanelSlot> values;         ///< [value]: X
    std::vector<PanelSlot> sensitivities;  ///< [value]: S
    std::vector<double> constants;         ///< [value]: c of S = c E where S is not stored, as steps have it
};

/// The layout for panels of `samples` samples held in values of `value_bytes` bytes (which decides the padding).
PanelLayout lay_out_panel(const Network& network, const Reduction& reduction, Index samples,
                          Index value_bytes);

/// X of a value of the panel at `block`, (samples, d). Only where it is stored.
template <class T>
MatrixView<T> value_view(const PanelLayout& layout, Index value, T* block, Index samples) {
    const PanelSlot& slot = layout.values[at(value)];
    assert(slot.stored());
    return {block + slot.offset, samples, slot.cols, slot.ld};
}
/// S of a value, (samples, R d), or (samples R, d) for full. Only where it is stored.
template <class T>
MatrixView<T> sensitivity_view(const PanelLayout& layout, Index value, T* block, Index samples) {
    const PanelSlot& slot = layout.sensitivities[at(value)];
    assert(slot.stored());
    return {block + slot.offset, samples * layout.rows_per_sample, slot.cols, slot.ld};
}

}  // namespace tangram
