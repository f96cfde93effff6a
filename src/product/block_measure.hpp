#pragma once
// The record of one block of a matrix, in one pass over it, and of the same block of T: product/measuring.hpp has the formulas. Private
// to product/.

#include "tangram/product/measuring.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

/// Rows of T that are there at once: little enough to stay in the cache.
inline constexpr Index target_rows = 16;

/// Where a block lies in its matrix.
struct BlockPlace {
    Index row, column;
    bool is_diagonal;  ///< of a symmetric matrix
};

/// What terms of second order are taken from: x 2^-exponent - shift of each entry x, which is small where the block is nearly constant.
/// With plain squares, centred norms would lose twice the digits in which a kernel is constant.
struct BlockUnits {
    double largest = 0;  ///< max |x|
    int exponent = 0;    ///< 2^exponent >= largest; so that 2^-exponent is a number
    double shift = 0;    ///< the mean of x 2^-exponent, about
    [[nodiscard]] double scale() const { return std::ldexp(1.0, -exponent); }
};
template <class T>
BlockUnits units_of(ConstMatrixView<T> block);

/// Rows [row, row + out.rows) and columns [column, ..) of T.
void make_targets(const MeasuredTargets& targets, Index row, Index column, MatrixView<double> out);

template <class T>
void measure_block(const Measuring& measuring, ConstMatrixView<T> block, const BlockPlace& place,
                   const MeasureScratch& scratch, const BlockRecord& out);

/// The same of T, (rows, cols) from `place` on.
void measure_targets(const Measuring& measuring, Index rows, Index cols, const BlockPlace& place,
                     const MeasureScratch& scratch, const BlockRecord& out);

}  // namespace tangram
