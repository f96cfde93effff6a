#pragma once
// The loops that products are made of, over entries that lie next to each other.

#include "../dot.hpp"

namespace tangram::reference {

/// y += a x, (n).
inline void add_multiple(double a, const double* x, Index n, double* y) {
#pragma omp simd
    for (Index k = 0; k < n; ++k) y[k] += a * x[k];
}

/// Where the entries of a matrix A lie: A(i, c) = data[i row + c term].
struct Strided {
    const double* data;
    Index row, term;
};

/// Y (rows, n) += A X, term after term for each entry; A (rows, terms), X (terms, n) and Y without gaps.
void add_product(const Strided& A, Index rows, Index terms, Index n, const double* X, double* Y);

}  // namespace tangram::reference
