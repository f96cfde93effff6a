#pragma once
// Eigenvalues and eigenvectors of a small symmetric matrix that every rank has whole:  A = U diag(lambda) U^T.

#include "tangram/support/matrix.hpp"

#include <vector>

namespace tangram {

struct SmallPairs {
    std::vector<double> values;  ///< ascending
    Matrix<double> vectors;      ///< (n, n): row j belongs to value j
};

/// By LAPACK, on one thread: the same bits on every rank. Throws Error(failed).
SmallPairs small_eigenpairs(ConstMatrixView<double> A);

}  // namespace tangram
