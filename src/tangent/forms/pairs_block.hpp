#pragma once
// A sub-block of a tile in form pairs (pairs.cpp): how many samples and rows of J go together, their memory, and X and S of one
// side packed for gemm, position after position and in each sample after sample,
//
//   X (places m, width)      pixels and channels of a group, or positions and d_in
//   S (T m, R d_out)         for full (T R'' m, d_out), R'' of the R rows of a sample: not all, where T R would be many
//
// Private to pairs*.cpp.

#include "positions.hpp"

namespace tangram::forms {

/// What one pair of positions costs by the products of whole patches, and by those of pixels.
double cost_of_patches(const PairSizes& sizes);
double cost_of_pixels(const PairSizes& sizes);

/// Sizes and memory of a sub-block of up to m samples.
struct SubBlock {
    SubBlock(const WeightUse& its, Index sensitivities, Index rows_per_sample);
    const WeightUse& use;
    Index R, rows;       ///< R' rows of a sample
    Index rows_at_once;  ///< R''
    bool by_pixels;
    Index places, width;  ///< rows and columns of a sample's X: pixels and channels, or positions and d_in
    [[nodiscard]] Index samples() const;
    /// Of each place of X that a position sees; a single one where X has a row a position.
    [[nodiscard]] Index taps() const { return by_pixels ? use.patches->taps : 1; }
    [[nodiscard]] Index columns_of_S() const { return R / rows * use.d_out; }
    [[nodiscard]] Index X_values() const { return samples() * places * width; }
    [[nodiscard]] Index S_values() const { return samples() * rows_at_once * use.positions * columns_of_S(); }
    /// Of a sample's pixels, channel after channel, where patches are made of them.
    [[nodiscard]] Index pixel_values() const {
        return use.patches && !by_pixels ? use.patches->pixels * use.patches->channels : 0;
    }
    [[nodiscard]] Index P_values() const { return samples() * places * samples() * places; }
    [[nodiscard]] Index F_values() const {
        const Index side = samples() * use.positions * rows_at_once;
        return side * side;
    }
    /// Of a pointer a tap, in values of either precision, in whole cache lines.
    [[nodiscard]] Index pointer_values() const;
    [[nodiscard]] Index values() const {
        return pointer_values() + 2 * (X_values() + S_values()) + pixel_values() + P_values() + F_values() +
               samples();
    }
};

/// [p taps + t]: the place of X that tap t sees from position p, or -1 outside.
std::vector<Index> places_seen(const WeightUse& use);

/// A thread's memory, shared out.
template <class T>
struct PairsMemory {
    PairsMemory(const SubBlock& of, T* memory);
    const T** P_rows;  ///< [tap]
    T *X_row, *X_column, *S_row, *S_column, *pixels, *P, *F, *sums;
};

/// x of some samples, (m, ..), of a group of channels. `pixels`: memory.
template <class T>
MatrixView<T> pack_inputs(const SubBlock& of, Index group, ConstMatrixView<T> x, T* pixels, T* memory);

/// Rows [first, first + count) of J of some samples, S (m R', ..); all there are where R' = 1.
template <class T>
MatrixView<T> pack_sensitivities(const SubBlock& of, Index group, ConstMatrixView<T> S, Index first,
                                 Index count, T* memory);

}  // namespace tangram::forms
