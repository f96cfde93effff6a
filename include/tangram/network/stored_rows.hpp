#pragma once
// Gradients that stay where they lie, in a file too large for memory: for each sample, known by a number, R rows of P entries, read
// a part at a time.

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

}  // namespace tangram
