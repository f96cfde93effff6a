#pragma once
// Patches of a convolution: what its weight meets at each position. Of one sample and the channels of one group,
//
//   x (channels, pixels)   ->   X (channels taps, positions)          X[c t, p] = x[c, pixel that tap t sees from p], 0 outside
//
// Positions that lie beside each other see pixels that do: they are copied in runs, which are the same for all channels.

#include "tangram/network/operator.hpp"
#include "tangram/support/matrix.hpp"

#include <vector>

namespace tangram {

struct PatchRun {
    Index position = 0;  ///< the first
    Index pixel = 0;     ///< that it sees; the next ones see pixel + step, ..
    Index length = 0;
};

struct Patches {
    Index channels = 0;  ///< of a group
    Index pixels = 0;    ///< of a channel of x
    Index taps = 0;      ///< entries of the kernel
    Index positions = 0;
    Index step = 1;              ///< between the pixels of neighbours
    std::vector<PatchRun> runs;  ///< tap after tap, by position
    std::vector<Index> first;    ///< [tap]: its first run; and how many there are
    bool is_x = false;           ///< each position has its own pixel, in order: X is x itself
    [[nodiscard]] Index rows() const { return channels * taps; }
};

/// Entries of a block with these extents: pixels, positions, taps.
Index entries_of(const std::vector<Index>& extents);

Patches patches_of(const Convolve& op);

/// Rows [first, first + X.rows) of X; x: the group's channels of a sample.
template <class T>
void fill_patches(const Patches& patches, const T* x, Index first, MatrixView<T> X);

/// x += what of S_X (channels taps, positions) came from where.
void add_patches(const Patches& patches, ConstMatrixView<double> S_X, double* x);

/// Position by position, from pixel by pixel: X (positions, taps channels), pixels (pixels, channels).
template <class T>
void fill_positions(const Patches& patches, ConstMatrixView<T> pixels, MatrixView<T> X);

}  // namespace tangram
