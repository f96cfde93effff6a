#include "tangram/support/cholesky.hpp"

#include "tangram/support/distributed_product.hpp"
#include "tangram/support/eigen_solver.hpp"
#include "tangram/support/error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace tangram;

namespace {

/// 1 / (1 + |i - j|) with n on the diagonal: positive definite.
double entry(Index i, Index j, Index n) {
    return i == j ? static_cast<double>(n) : 1.0 / static_cast<double>(1 + std::abs(i - j));
}

AlignedBuffer<double> dealt(const BlockCyclic& layout, Index n) {
    AlignedBuffer<double> A(std::max<Index>(1, layout.local_size()));
    const Index rows = layout.rows.local_extent();
    for (Index j = 0; j < layout.cols.local_extent(); ++j) {
        for (Index i = 0; i < rows; ++i)
            A.data()[i + j * rows] = entry(layout.rows.global(i), layout.cols.global(j), n);
    }
    return A;
}

Matrix<double> columns(Index n, Index m) {
    Matrix<double> B(n, m);
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < m; ++j) B(i, j) = std::sin(static_cast<double>(i * m + j));
    }
    return B;
}

Matrix<double> plain_product(const Matrix<double>& B) {
    Matrix<double> C(B.rows(), B.cols());
    for (Index i = 0; i < B.rows(); ++i) {
        for (Index k = 0; k < B.rows(); ++k) {
            for (Index j = 0; j < B.cols(); ++j) C(i, j) += entry(i, k, B.rows()) * B(k, j);
        }
    }
    return C;
}

double difference(const Matrix<double>& A, const Matrix<double>& B) {
    double most = 0;
    for (Index k = 0; k < A.size(); ++k) most = std::max(most, std::abs(A.data()[k] - B.data()[k]));
    return most;
}

}  // namespace

TEST_CASE("solutions, products and blocks of the inverse of a factored matrix, in blocks of any size") {
    const auto world = mpi::Communicator::world();
    for (const Index unit : {1, 3}) {
        for (const Index n : {Index{3}, Index{24}, Index{51}}) {
            const BlockCyclic layout = make_block_cyclic(n, 6, world.size(), world.rank());
            const Cholesky A(world, layout, dealt(layout, n));
            CHECK(A.is_definite());
            const Matrix<double> B = columns(n, 7);
            const Matrix<double> X = A.solve(B.view());
            CHECK(difference(plain_product(X), B) < 1e-12);
            CHECK(difference(A.multiply(B.view()), plain_product(B)) < 1e-11);
            CHECK(difference(multiply_columns(world, layout, false, dealt(layout, n), B.view()),
                             plain_product(B)) < 1e-11);
            // |L^-1 B|^2 = B^T A^-1 B
            const Matrix<double> W = A.half_solve(B.view());
            double squares = 0;
            double expected = 0;
            for (Index i = 0; i < n; ++i) {
                squares += W(i, 2) * W(i, 2);
                expected += B(i, 2) * X(i, 2);
            }
            CHECK(squares == doctest::Approx(expected));
            // Column by column, by solving.
            Matrix<double> unit_columns(n, n);
            for (Index i = 0; i < n; ++i) unit_columns(i, i) = 1;
            const Matrix<double> inverse = A.solve(unit_columns.view());
            const Matrix<double> blocks = A.inverse_blocks(unit, 6);
            double off = 0;
            for (Index s = 0; s < n / unit; ++s) {
                for (Index a = 0; a < unit; ++a) {
                    for (Index b = 0; b < unit; ++b)
                        off = std::max(
                            off, std::abs(blocks(s, a * unit + b) - inverse(s * unit + a, s * unit + b)));
                }
            }
            CHECK(off < 1e-14);
        }
    }
}

TEST_CASE("a singular matrix has no factor, or is not taken to be definite") {
    const auto world = mpi::Communicator::world();
    for (const double shift : {0.0, -1.0}) {
        const BlockCyclic layout = make_block_cyclic(20, 4, world.size(), world.rank());
        AlignedBuffer<double> A(std::max<Index>(1, layout.local_size()));
        const Index rows = layout.rows.local_extent();
        for (Index j = 0; j < layout.cols.local_extent(); ++j) {
            for (Index i = 0; i < rows; ++i)
                A.data()[i + j * rows] = 1 + (layout.rows.global(i) == layout.cols.global(j) ? shift : 0);
        }
        CHECK_FALSE(Cholesky(world, layout, std::move(A)).is_definite());
    }
}

TEST_CASE("matrices of more entries a rank than 32 bits count are refused with the ranks that would do") {
    CHECK(ranks_needed(46000, 1) == 1);
    if (!has_distributed_solver()) return;
    for (const Index n : {47000, 100000, 300000}) {
        const int needed = ranks_needed(n, 1);
        CHECK(needed > 1);
        const auto largest = [&](int ranks) {
            return make_block_cyclic(n, 64, solver_ranks(n, ranks), 0).local_size();
        };
        CHECK(largest(needed) < Index{1} << 31);
        CHECK(largest(needed - 1) >= Index{1} << 31);
        CHECK_THROWS_WITH_AS(require_countable(n, needed - 1, 1, "k.h5"), doctest::Contains("ranks or more"),
                             Error);
        CHECK_NOTHROW(require_countable(n, needed, 1, "k.h5"));
    }
}
