#include "tangram/support/eigen_solver.hpp"

#include "eigen_backends.hpp"
#include "tangram/support/distributed_product.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/matrix_facts.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

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

/// Each shows an error that is there with probability 1/2.
constexpr Index probes = 32;
constexpr std::uint64_t probe_seed = 1;

Matrix<double> random_signs(Index n) {
    Matrix<double> G(n, probes);
    const std::uint64_t key = stream_key(probe_seed, 0);
    for (Index k = 0; k < G.size(); ++k) G.data()[k] = random_sign(key, static_cast<std::uint64_t>(k));
    return G;
}

/// max |A - B|; infinite if one of them is no number, which no maximum would show.
double largest_difference(const Matrix<double>& A, const Matrix<double>& B) {
    double most = 0;
    for (Index k = 0; k < A.size(); ++k) {
        const double off = std::abs(A.data()[k] - B.data()[k]);
        most = std::max(most, std::isnan(off) ? HUGE_VAL : off);
    }
    return most;
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
    const double norm = column_norm(comm, layout, A);
    const auto times = [&](const AlignedBuffer<double>& matrix, bool transpose, const Matrix<double>& B) {
        return multiply_columns(comm, layout, transpose, matrix, B.view());
    };
    const Matrix<double> G = random_signs(n);
    Matrix<double> scaled(n, probes);
    for (Index k = 0; k < n; ++k) {
        for (Index g = 0; g < probes; ++g) scaled(k, g) = pairs.values[at(k)] * G(k, g);
    }
    const Matrix<double> VG = times(pairs.vectors, false, G);
    // The same on every rank, which go on by it.
    const double residual =
        mpi::maximum(comm, largest_difference(times(A, false, VG), times(pairs.vectors, false, scaled)));
    const double off = mpi::maximum(comm, largest_difference(times(pairs.vectors, true, VG), G));
    const double unit = static_cast<double>(n) * std::numeric_limits<double>::epsilon();
    return {residual > 0 ? residual / (unit * norm) : 0, off / unit};
}

}  // namespace tangram
