#pragma once
// What a regression takes on a rank, before it begins: bytes, and operations.

#include "tangram/support/block_cyclic.hpp"

namespace tangram {

/// How (K + lambda)^-1 is had.
enum class RegressionMethod { cholesky, eigen, eigen_of_file };

struct RegressionSizes {
    Index samples = 0;       ///< N
    Index columns = 1;       ///< C
    Index unit = 1;          ///< rows of K a sample
    Index test_samples = 0;  ///< M
    Index fits = 1;          ///< r, and times
    bool wants_scores = true;
    bool wants_variance = false;
    bool wants_attribution = false;
    [[nodiscard]] Index rows() const { return samples * unit; }
};

/// Of a rank, beside what MPI and the libraries have at the start.
struct RegressionBytes {
    Index dealt = 0;  ///< its part of what is shared among the ranks: less on more of them
    Index whole =
        0;  ///< what every rank holds whole: right-hand sides, predictions, some columns of K at a time
    [[nodiscard]] Index total() const { return dealt + whole; }
};

RegressionBytes bytes_for(const RegressionSizes& sizes, const BlockCyclic& layout, RegressionMethod method);

/// Floating point operations of all ranks, in those of a large product of matrices that would take as long.
double operations_for(const RegressionSizes& sizes, RegressionMethod method);

}  // namespace tangram
