#pragma once
// What one reading of a tile measures, for the checks of a run and for `verify`. Private to checks/.

#include "tangram/support/error_measures.hpp"
#include "tangram/support/matrix.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

/// Where A and B^T differ.
struct TileAsymmetry {
    Index entries = 0;
    double largest = 0;  ///< max |A - B^T|
};

/// Equal bits, as they should be, are seen at the speed of reading.
template <class T>
TileAsymmetry asymmetry(ConstMatrixView<T> A, ConstMatrixView<T> B) {
    constexpr Index side = 16;
    TileAsymmetry found;
    for (Index i0 = 0; i0 < A.rows; i0 += side) {
        for (Index j0 = 0; j0 < A.cols; j0 += side) {
            for (Index i = i0; i < std::min(i0 + side, A.rows); ++i) {
                for (Index j = j0; j < std::min(j0 + side, A.cols); ++j) {
                    if (A(i, j) == B(j, i)) continue;
                    ++found.entries;
                    found.largest = worse(
                        found.largest, std::abs(static_cast<double>(A(i, j)) - static_cast<double>(B(j, i))));
                }
            }
        }
    }
    return found;
}

template <class T>
double largest_on_diagonal(ConstMatrixView<T> square) {
    double largest = 0;
    for (Index i = 0; i < square.rows; ++i)
        largest = worse(largest, std::abs(static_cast<double>(square(i, i))));
    return largest;
}

/// Adds the entries of the block, row after row, to `sum`.
template <class T>
void add_block(ConstMatrixView<T> block, double* sum) {
    for (Index i = 0; i < block.rows; ++i, sum += block.cols) {
        const T* row = block.row(i);
#pragma omp simd
        for (Index j = 0; j < block.cols; ++j) sum[j] += static_cast<double>(row[j]);
    }
}

}  // namespace tangram
