#include "contiguous.hpp"

#include "tangram/support/vector_clones.hpp"

#include <algorithm>
#include <vector>

namespace tangram::reference {

namespace {

/// Rows and columns of Y that stay in registers.
constexpr int block_rows = 4, block_columns = 8;

/// `rows` rows of Y, (terms, block_columns) of X without gaps; rows of Y are n apart.
template <int rows>
inline __attribute__((always_inline)) void add_block(const Strided& A, Index terms, Index n, const double* X,
                                                     double* Y) {
    double sums[at(rows)][at(block_columns)];
    for (int i = 0; i < rows; ++i) std::copy_n(Y + i * n, block_columns, sums[i]);
    for (Index c = 0; c < terms; ++c, X += block_columns) {
        for (int i = 0; i < rows; ++i) {
            const double a = A.data[i * A.row + c * A.term];
            for (int j = 0; j < block_columns; ++j) sums[i][j] += a * X[j];
        }
    }
    for (int i = 0; i < rows; ++i) std::copy_n(sums[i], block_columns, Y + i * n);
}

TANGRAM_VECTOR_CLONES
void add_columns(const Strided& A, Index rows, Index terms, Index n, const double* X, double* Y) {
    Index i = 0;
    const auto from = [&A](Index row) { return Strided{A.data + row * A.row, A.row, A.term}; };
    for (; i + block_rows <= rows; i += block_rows) add_block<block_rows>(from(i), terms, n, X, Y + i * n);
    for (; i < rows; ++i) add_block<1>(from(i), terms, n, X, Y + i * n);
}

}  // namespace

void add_product(const Strided& A, Index rows, Index terms, Index n, const double* X, double* Y) {
    std::vector<double> columns(at(n >= block_columns ? terms * block_columns : 0));
    Index done = 0;
    for (; done + block_columns <= n; done += block_columns) {
        for (Index c = 0; c < terms; ++c)
            std::copy_n(X + c * n + done, block_columns, columns.data() + c * block_columns);
        add_columns(A, rows, terms, n, columns.data(), Y + done);
    }
    for (Index i = 0; done < n && i < rows; ++i) {
        for (Index c = 0; c < terms; ++c)
            add_multiple(A.data[i * A.row + c * A.term], X + c * n + done, n - done, Y + i * n + done);
    }
}

}  // namespace tangram::reference
