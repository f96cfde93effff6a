#pragma once
// Gradients that stay where they lie, in a file too large for memory: for each sample, known by a number, R rows of P entries, read
// a part at a time.
//
// The number is a sample's input, and panels hold inputs as float32 too, which counts to 2^24: so it goes as two columns,
//
//   number = high 2^20 + low        exact below 2^44

#include "tangram/support/matrix.hpp"

#include <functional>
#include <span>

namespace tangram {

struct StoredRows {
    Index rows = 1;   ///< R
    Index width = 0;  ///< P
    /// Entries [first, first + out.cols) of the samples with these numbers, (n R, out.cols), row k R + r. By any thread. Throws
    /// Error(bad_input) naming file, dataset, row and column of an entry that is not finite.
    std::function<void(std::span<const Index> numbers, Index first, MatrixView<double> out)> read;
};

inline constexpr Index row_number_columns = 2;
inline constexpr Index row_number_base = Index{1} << 20;

/// columns (row_number_columns) of a number.
inline void put_row_number(Index number, double* columns) {
    const Index high = number / row_number_base;
    columns[0] = static_cast<double>(high);
    columns[1] = static_cast<double>(number % row_number_base);
}

/// The number of columns that held it, in either precision.
template <class T>
Index row_number_of(const T* columns) {
    return static_cast<Index>(columns[0]) * row_number_base + static_cast<Index>(columns[1]);
}

}  // namespace tangram
