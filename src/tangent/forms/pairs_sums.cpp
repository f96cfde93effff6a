#include "pairs_sums.hpp"

#include "tangram/support/vector_clones.hpp"

#include <algorithm>

namespace tangram::forms {

namespace {

/// Samples of the column side that are summed at a time, in registers.
constexpr Index lane = 16;

/// sums[k] += f[k] sum over taps of P[k], k < n.
template <class T>
inline __attribute__((always_inline)) void add_pair(Index taps, const T* const* P_rows,
                                                    const Index* seen_by_q, Index m, Index first, Index n,
                                                    const T* f, T* sums) {
    T g[at(lane)] = {};
    for (Index t = 0; t < taps; ++t) {
        if (P_rows[t] == nullptr || seen_by_q[t] < 0) continue;
        const T* const from = P_rows[t] + seen_by_q[t] * m + first;
        for (Index k = 0; k < n; ++k) g[k] += from[k];
    }
    for (Index k = 0; k < n; ++k) sums[k] += f[k] * g[k];
}

/// sums (m_J) += H[ir, js] for all j; P_rows [tap]: memory for a row of P each.
template <class T>
inline __attribute__((always_inline)) void add_row_of(const PairProducts<T>& in, Index i, Index r, Index s,
                                                      const T** P_rows, T* sums) {
    const Index m = in.column.samples, positions = in.of.use.positions, taps = in.of.taps();
    const Index* const places = in.of.use.places_seen.data();
    for (Index p = 0; p < positions; ++p) {
        for (Index t = 0; t < taps; ++t) {
            const Index place = places[p * taps + t];
            P_rows[t] = place < 0 ? nullptr : in.P.row(place * in.row.samples + i);
        }
        const T* const F_row = in.F.row((p * in.row.rows + r) * in.row.samples + i);
        for (Index q = 0; q < positions; ++q) {
            const T* const f = F_row + (q * in.column.rows + s) * m;
            const Index* const seen = places + q * taps;
            Index j = 0;
            for (; j + lane <= m; j += lane) add_pair<T>(taps, P_rows, seen, m, j, lane, f + j, sums + j);
            if (j < m) add_pair<T>(taps, P_rows, seen, m, j, m - j, f + j, sums + j);
        }
    }
}

TANGRAM_VECTOR_CLONES
void add_row(const PairProducts<float>& in, Index i, Index r, Index s, const float** P_rows, float* sums) {
    add_row_of(in, i, r, s, P_rows, sums);
}
TANGRAM_VECTOR_CLONES
void add_row(const PairProducts<double>& in, Index i, Index r, Index s, const double** P_rows, double* sums) {
    add_row_of(in, i, r, s, P_rows, sums);
}

}  // namespace

template <class T>
void add_pairs(const PairProducts<T>& in, const PairsMemory<T>& memory, MatrixView<T> H) {
    const Index rows = in.of.rows;
    for (Index i = 0; i < in.row.samples; ++i) {
        for (Index r = 0; r < in.row.rows; ++r) {
            T* const H_row = H.row(i * rows + in.row.first_row + r) + in.column.first_row;
            for (Index s = 0; s < in.column.rows; ++s) {
                std::fill_n(memory.sums, in.column.samples, T{0});
                add_row(in, i, r, s, memory.P_rows, memory.sums);
                for (Index j = 0; j < in.column.samples; ++j) H_row[j * rows + s] += memory.sums[j];
            }
        }
    }
}

template void add_pairs(const PairProducts<float>&, const PairsMemory<float>&, MatrixView<float>);
template void add_pairs(const PairProducts<double>&, const PairsMemory<double>&, MatrixView<double>);

}  // namespace tangram::forms
