#include "tangram/support/eigen_solver.hpp"

#include "eigen_backends.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

/// Up to here LAPACK on one rank is as fast as sharing the matrix.
constexpr Index small = 256;
constexpr Index best_block = 64;

/// About the best one that cuts no unit apart.
Index block_for(Index unit) {
    return unit * std::max<Index>(1, (best_block + unit / 2) / unit);
}

#if defined(TANGRAM_HAVE_ELPA) || defined(TANGRAM_HAVE_SCALAPACK)
constexpr bool distributed = true;
#else
constexpr bool distributed = false;
#endif

/// The largest of the solver's ranks; infinite if one of them is no number, which no maximum would show.
double largest(const mpi::Communicator& comm, const std::vector<double>& values) {
    double most = 0;
    for (const double value : values) most = std::max(most, std::isnan(value) ? HUGE_VAL : std::abs(value));
    return mpi::maximum(comm, most);
}

void multiply(const mpi::Communicator& comm, const BlockCyclic& layout, bool transpose, const double* A,
              const double* B, double* C) {
#ifdef TANGRAM_HAVE_SCALAPACK
    if (comm.size() > 1) return multiply_distributed(comm, layout, transpose, A, B, C);
#endif
    (void)comm;
    multiply_whole(layout.rows.extent, transpose, A, B, C);
}

}  // namespace

bool has_distributed_solver() {
    return distributed;
}

int solver_ranks(Index n, int ranks, Index unit) {
    if (!distributed || n <= small) return 1;
    // Every process has a block at least.
    const Index block = block_for(unit);
    const Index most = (n / block) * (n / block);
    int count = static_cast<int>(std::max<Index>(1, std::min<Index>(ranks, most)));
    const auto fits = [&](int candidate) {
        const BlockCyclic layout = make_block_cyclic(n, block, candidate, 0);
        return layout.cols.count <= n / block && layout.cols.count <= 4 * layout.rows.count;
    };
    while (count > 1 && !fits(count)) --count;
    return count;
}

BlockCyclic layout_for(Index n, const mpi::Communicator& comm, Index unit) {
    const int ranks = solver_ranks(n, comm.size(), unit);
    const Index block = block_for(unit);
    if (comm.rank() >= ranks) return {{0, block, 1, 0}, {0, block, 1, 0}};
    return make_block_cyclic(n, block, ranks, comm.rank());
}

int ranks_needed(Index n, int ranks, Index unit) {
    constexpr Index most = std::numeric_limits<int>::max();
    constexpr int enough = 1 << 20;
    for (int count = std::max(1, ranks); count < enough; ++count) {
        const int used = solver_ranks(n, count, unit);
        // Rank 0 has the most.
        if (make_block_cyclic(n, block_for(unit), used, 0).local_size() <= most) return count;
        if (!distributed) break;
    }
    return enough;
}

void require_countable(Index n, int ranks, Index unit, const std::string& what) {
    const int needed = ranks_needed(n, ranks, unit);
    if (needed <= ranks) return;
    if (!distributed) {
        fail(
            ExitCode::no_resources,
            "a {} x {} matrix has more entries than LAPACK counts ({}): build tangram with ScaLAPACK and use more ranks",
            n, n, what);
    }
    fail(
        ExitCode::no_resources,
        "a {} x {} matrix on {} rank{} has more entries a rank than ScaLAPACK and ELPA count, 2^31 ({}): use {} ranks or more",
        n, n, ranks, ranks == 1 ? "" : "s", what, needed);
}

EigenPairs solve_symmetric(const mpi::Communicator& comm, const BlockCyclic& layout, AlignedBuffer<double>& A,
                           bool vectors, Solver solver, int threads) {
    [[maybe_unused]] const bool shared = layout.rows.extent > small;
#ifdef TANGRAM_HAVE_ELPA
    if (shared && solver == Solver::fastest) return solve_with_elpa(comm, layout, A, vectors);
#endif
#ifdef TANGRAM_HAVE_SCALAPACK
    if (shared) return solve_with_scalapack(comm, layout, A, vectors);
#endif
    (void)comm;
    (void)solver;
    return solve_with_lapack(layout.rows.extent, A, vectors, threads);
}

EigenErrors eigen_errors(const mpi::Communicator& comm, const BlockCyclic& layout,
                         const AlignedBuffer<double>& A, const EigenPairs& pairs) {
    const Index n = layout.rows.extent;
    const Index rows = layout.rows.local_extent();
    const Index cols = layout.cols.local_extent();
    std::vector<double> product(at(std::max<Index>(1, rows * cols)));
    // |A|: largest sum of a column's absolute values.
    std::vector<double> sums(at(n), 0);
    for (Index j = 0; j < cols; ++j) {
        for (Index i = 0; i < rows; ++i) sums[at(layout.cols.global(j))] += std::abs(A.data()[i + j * rows]);
    }
    mpi::sum(comm, std::span<double>(sums));
    const double norm = *std::max_element(sums.begin(), sums.end());

    EigenErrors errors;
    const double unit = static_cast<double>(n) * std::numeric_limits<double>::epsilon();
    multiply(comm, layout, false, A.data(), pairs.vectors.data(), product.data());
    for (Index j = 0; j < cols; ++j) {
        const double value = pairs.values[at(layout.cols.global(j))];
        for (Index i = 0; i < rows; ++i)
            product[at(i + j * rows)] -= value * pairs.vectors.data()[i + j * rows];
    }
    const double residual = largest(comm, product);
    errors.residual = residual > 0 ? residual / (unit * norm) : 0;
    multiply(comm, layout, true, pairs.vectors.data(), pairs.vectors.data(), product.data());
    for (Index j = 0; j < cols; ++j) {
        for (Index i = 0; i < rows; ++i) {
            if (layout.rows.global(i) == layout.cols.global(j)) product[at(i + j * rows)] -= 1;
        }
    }
    errors.orthogonality = largest(comm, product) / unit;
    return errors;
}

}  // namespace tangram
