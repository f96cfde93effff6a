#include "tangram/support/cholesky.hpp"

#include "cholesky_backends.hpp"
#include "tangram/support/matrix_facts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tangram {

namespace {

/// Calls work(global row, global column, local index) for every local entry.
template <class Work>
void for_each_entry(const BlockCyclic& layout, Work work) {
    const Index rows = layout.rows.local_extent();
    for (Index j = 0; j < layout.cols.local_extent(); ++j) {
        for (Index i = 0; i < rows; ++i) work(layout.rows.global(i), layout.cols.global(j), i + j * rows);
    }
}

/// Collective. The diagonal, on every rank.
std::vector<double> diagonal_of(const mpi::Communicator& comm, const BlockCyclic& layout,
                                const AlignedBuffer<double>& A) {
    std::vector<double> diagonal(at(layout.rows.extent), 0);
    for_each_on_diagonal(layout, [&](Index row, Index k) { diagonal[at(row)] = A.data()[k]; });
    mpi::sum(comm, diagonal);
    return diagonal;
}

/// The local part of B, which is whole here.
AlignedBuffer<double> dealt(const BlockCyclic& layout, ConstMatrixView<double> B) {
    AlignedBuffer<double> local(std::max<Index>(1, layout.local_size()));
    for_each_entry(layout, [&](Index row, Index column, Index k) { local.data()[k] = B(row, column); });
    return local;
}

/// Collective. B whole from its parts.
Matrix<double> collected(const mpi::Communicator& comm, const BlockCyclic& layout,
                         const AlignedBuffer<double>& local) {
    Matrix<double> B(layout.rows.extent, layout.cols.extent);
    for_each_entry(layout, [&](Index row, Index column, Index k) { B(row, column) = local.data()[k]; });
    mpi::sum(comm, {B.data(), at(B.size())});
    return B;
}

}  // namespace

BlockCyclic columns_like(const BlockCyclic& layout, Index m) {
    return {layout.rows, {m, layout.cols.block, layout.cols.count, layout.cols.place}};
}

Cholesky::Cholesky(const mpi::Communicator& comm, const BlockCyclic& layout, AlignedBuffer<double> A)
    : comm_(comm), layout_(layout), A_(std::move(A)) {
    diagonal_ = diagonal_of(comm_, layout_, A_);
    norm_ = column_norm(comm_, layout_, A_);
    bool has_factor = false;
#ifdef TANGRAM_HAVE_SCALAPACK
    if (comm_.size() > 1) {
        has_factor = factor_distributed(comm_, layout_, A_.data());
    } else
#endif
        has_factor = factor_whole(layout_.rows.extent, A_.data());
    pivots_ = diagonal_of(comm_, layout_, A_);
    if (!has_factor) return;
#ifdef TANGRAM_HAVE_SCALAPACK
    if (comm_.size() > 1) {
        reciprocal_condition_ = condition_distributed(comm_, layout_, A_.data(), norm_);
        return;
    }
#endif
    reciprocal_condition_ = condition_whole(layout_.rows.extent, A_.data(), norm_);
}

bool Cholesky::is_definite() const {
    const double unit = static_cast<double>(layout_.rows.extent) * std::numeric_limits<double>::epsilon();
    return reciprocal_condition_ > unit;
}

double Cholesky::log_determinant() const {
    double sum = 0;
    for (const double pivot : pivots_) sum += 2 * std::log(pivot);
    return sum;
}

void Cholesky::solve_triangle(bool transpose, Index first, double* B, Index m) const {
#ifdef TANGRAM_HAVE_SCALAPACK
    if (comm_.size() > 1) {
        solve_triangle_distributed(comm_, layout_, transpose, first, A_.data(), B, m);
        return;
    }
#endif
    solve_triangle_whole(layout_.rows.extent, transpose, first, A_.data(), B, m);
}

Matrix<double> Cholesky::solve(ConstMatrixView<double> B) const {
    const BlockCyclic columns = columns_like(layout_, B.cols);
    const AlignedBuffer<double> local = dealt(columns, B);
    solve_triangle(false, 0, local.data(), B.cols);
    solve_triangle(true, 0, local.data(), B.cols);
    return collected(comm_, columns, local);
}

Matrix<double> Cholesky::half_solve(ConstMatrixView<double> B) const {
    const BlockCyclic columns = columns_like(layout_, B.cols);
    const AlignedBuffer<double> local = dealt(columns, B);
    solve_triangle(false, 0, local.data(), B.cols);
    return collected(comm_, columns, local);
}

Matrix<double> Cholesky::multiply(ConstMatrixView<double> B) const {
    const BlockCyclic columns = columns_like(layout_, B.cols);
    const AlignedBuffer<double> local = dealt(columns, B);
    const AlignedBuffer<double> product(std::max<Index>(1, columns.local_size()));
#ifdef TANGRAM_HAVE_SCALAPACK
    if (comm_.size() > 1) {
        multiply_upper_distributed(comm_, layout_, A_.data(), local.data(), product.data(), B.cols);
    } else
#endif
        multiply_upper_whole(layout_.rows.extent, A_.data(), local.data(), product.data(), B.cols);
    Matrix<double> C = collected(comm_, columns, product);
    // The array has the diagonal of L in the place of A's.
    for (Index i = 0; i < C.rows(); ++i) {
        for (Index j = 0; j < C.cols(); ++j) C(i, j) += (diagonal_[at(i)] - pivots_[at(i)]) * B(i, j);
    }
    return C;
}

Matrix<double> Cholesky::inverse_blocks(Index unit, Index columns_at_once) const {
    const Index n = layout_.rows.extent;
    const Index block = layout_.cols.block;
    const Index width = block * std::max<Index>(1, columns_at_once / block) * layout_.cols.count;
    Matrix<double> blocks(n / unit, unit * unit);
    for (Index first = 0; first < n; first += width) {
        // Columns [first, first + m) of L^-1: zero above row `first`.
        const Index m = std::min(width, n - first);
        const BlockCyclic columns = columns_like(layout_, m);
        const AlignedBuffer<double> X(std::max<Index>(1, columns.local_size()));
        for_each_entry(columns, [&](Index row, Index column, Index k) {
            X.data()[k] = row == first + column ? 1.0 : 0.0;
        });
        solve_triangle(false, first, X.data(), m);
        const Index rows = columns.rows.local_extent();
        for (Index j = 0; j < columns.cols.local_extent(); ++j) {
            const Index column = columns.cols.global(j);
            const Index sample = (first + column) / unit;
            const Index place = (first + column) % unit;
            // Its unit's columns up to itself lie here, before it.
            for (Index other = 0; other <= place; ++other) {
                const double* x = X.data() + j * rows;
                const double* y = X.data() + (j - place + other) * rows;
                double sum = 0;
                for (Index i = 0; i < rows; ++i) sum += x[i] * y[i];
                blocks(sample, place * unit + other) += sum;
                if (other != place) blocks(sample, other * unit + place) += sum;
            }
        }
    }
    mpi::sum(comm_, {blocks.data(), at(blocks.size())});
    return blocks;
}

}  // namespace tangram
