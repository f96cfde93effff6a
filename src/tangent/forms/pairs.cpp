// A weight on positions p = 1..T so few that their pairs are cheaper than rows of J. The gradient of (i, r) is
// c sum over p of s_irp x_ip^T.
//
//   K[W] = c^2 H        H[ir, js] = sum over p, q of (s_irp . s_jsq) (x_ip . x_jq)
//
// What positions p and q of a convolution see through its taps are pixels p+t and q+t: where that is cheaper, their products are
// taken of pixels once and summed for each pair of positions,
//
//   x_ip . x_jq = sum over taps t of  P[i p+t, j q+t]        P = X_I X_J^T of pixels, (m pixels, channels) each
//
// and of whole patches otherwise, P = G. Sub-blocks of m samples a tile at a time, position after position and in each sample
// after sample, so that loops run over the samples of the other side:
//
//   P (pixels m_I, pixels m_J)     F = S_I S_J^T, S (T m, R d_out) or (T R m, d_out) for full
//   H[ir, js] = sum over p, q of F[pri, qsj] sum over t of P        and over groups of channels

#include "positions.hpp"
#include "sensitivities.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/vector_clones.hpp"

#include <algorithm>
#include <vector>

namespace tangram::forms {

namespace {

using blas::Op;

/// Rows of F in a sub-block: enough for gemm, few enough that P and F stay near the cache.
constexpr Index sub_block_rows = 768;

/// What one pair of positions costs by the products of whole patches, and by those of pixels.
double cost_of_patches(const PairSizes& sizes) {
    return sizes.d_in;
}
double cost_of_pixels(const PairSizes& sizes) {
    const double pixels = sizes.pixels / sizes.positions;
    return pixels * pixels * sizes.channels + sizes.taps * sizes.groups;
}

bool is_by_pixels(const WeightUse& use) {
    if (!use.patches) return false;
    const auto real = [](Index n) { return static_cast<double>(n); };
    PairSizes sizes;
    sizes.positions = real(use.positions);
    sizes.groups = real(use.groups);
    sizes.d_in = real(use.groups * use.d_in);
    sizes.pixels = real(use.patches->pixels);
    sizes.channels = real(use.groups * use.patches->channels);
    sizes.taps = real(use.patches->taps);
    return cost_of_pixels(sizes) < cost_of_patches(sizes);
}

/// Sizes and memory of a sub-block of up to m samples.
struct SubBlock {
    SubBlock(const WeightUse& its, Index sensitivities, Index rows_per_sample)
        : use(its),
          R(sensitivities),
          rows(rows_per_sample),
          by_pixels(is_by_pixels(its)),
          places(by_pixels ? its.patches->pixels : its.positions),
          width(by_pixels ? its.patches->channels : its.d_in) {}
    const WeightUse& use;
    Index R, rows;  ///< R' rows of a sample
    bool by_pixels;
    Index places, width;  ///< rows and columns of a sample's X: pixels and channels, or positions and d_in
    [[nodiscard]] Index samples() const {
        return std::max<Index>(1, sub_block_rows / (std::max(use.positions * rows, places)));
    }
    [[nodiscard]] Index columns_of_S() const { return R / rows * use.d_out; }
    [[nodiscard]] Index X_values() const { return samples() * places * width; }
    [[nodiscard]] Index S_values() const { return samples() * rows * use.positions * columns_of_S(); }
    /// Of a sample's pixels, channel after channel, where patches are made of them.
    [[nodiscard]] Index pixel_values() const {
        return use.patches && !by_pixels ? use.patches->pixels * use.patches->channels : 0;
    }
    [[nodiscard]] Index P_values() const { return samples() * places * samples() * places; }
    [[nodiscard]] Index F_values() const {
        const Index side = samples() * use.positions * rows;
        return side * side;
    }
    [[nodiscard]] Index values() const {
        return 2 * (X_values() + S_values()) + pixel_values() + P_values() + F_values() + samples();
    }
};

Index scratch_values(const WeightUse& use, Index R, Index rows_per_sample) {
    return SubBlock{use, R, rows_per_sample}.values();
}

/// [p taps + t]: the place of X that tap t sees from position p, or -1 outside; a single tap where X has a row a position.
struct Taps {
    Index taps = 1;
    std::vector<Index> place;
};

Taps taps_of(const SubBlock& of) {
    const WeightUse& use = of.use;
    if (!of.by_pixels) {
        Taps own{1, std::vector<Index>(at(use.positions))};
        for (Index p = 0; p < use.positions; ++p) own.place[at(p)] = p;
        return own;
    }
    const Patches& patches = *use.patches;
    Taps seen{patches.taps, std::vector<Index>(at(use.positions * patches.taps), Index{-1})};
    for (Index t = 0; t < patches.taps; ++t) {
        for (Index k = patches.first[at(t)]; k < patches.first[at(t) + 1]; ++k) {
            const PatchRun& run = patches.runs[at(k)];
            for (Index q = 0; q < run.length; ++q)
                seen.place[at((run.position + q) * patches.taps + t)] = run.pixel + q * patches.step;
        }
    }
    return seen;
}

/// One group of m samples, position after position.
template <class T>
struct Packed {
    Index samples = 0;
    MatrixView<T> X, S;
};

template <class T>
void pack_inputs(const SubBlock& of, Index group, ConstMatrixView<T> x, T* pixels, MatrixView<T> X) {
    const WeightUse& use = of.use;
    for (Index i = 0; i < x.rows; ++i) {
        const MatrixView<T> to{X.row(i), of.places, of.width, x.rows * X.ld};
        if (!use.patches) {
            for (Index p = 0; p < of.places; ++p) std::copy_n(x.row(i) + p * of.width, of.width, to.row(p));
            continue;
        }
        const Patches& patches = *use.patches;
        const ConstMatrixView<T> channels{x.row(i) + group * patches.channels * patches.pixels,
                                          patches.channels, patches.pixels, patches.pixels};
        if (of.by_pixels) {
            transpose(channels, to);
            continue;
        }
        const MatrixView<T> by_pixel{pixels, patches.pixels, patches.channels, patches.channels};
        transpose(channels, by_pixel);
        fill_positions<T>(patches, by_pixel, to);
    }
}

template <class T>
void pack_sensitivities(const SubBlock& of, Index group, ConstMatrixView<T> S, Index samples,
                        MatrixView<T> to) {
    const WeightUse& use = of.use;
    for (Index i = 0; i < samples; ++i) {
        const auto own = own_sensitivities(use, S, i, of.rows);
        for (Index r = 0; r < of.R; ++r) {
            const ConstMatrixView<T> from = own.of(group, r);
            T* const first = of.rows == 1 ? to.row(i) + r * use.d_out : to.row(r * samples + i);
            const MatrixView<T> at_r{first, use.positions, use.d_out, of.rows * samples * to.ld};
            if (!use.by_position) {
                transpose(from, at_r);
                continue;
            }
            for (Index p = 0; p < use.positions; ++p) std::copy_n(from.row(p), use.d_out, at_r.row(p));
        }
    }
}

/// A thread's memory, shared out.
template <class T>
struct Memory {
    Memory(const SubBlock& of, T* memory) : X_row(memory) {
        X_column = X_row + of.X_values();
        S_row = X_column + of.X_values();
        S_column = S_row + of.S_values();
        pixels = S_column + of.S_values();
        P = pixels + of.pixel_values();
        F = P + of.P_values();
        sums = F + of.F_values();
    }
    T *X_row, *X_column, *S_row, *S_column, *pixels, *P, *F, *sums;
};

/// The samples [first, first + count) of one side.
template <class T>
Packed<T> pack(const SubBlock& of, Index group, ConstMatrixView<T> X, ConstMatrixView<T> S, Index first,
               Index count, T* pixels, T* X_memory, T* S_memory) {
    const Index columns = of.columns_of_S();
    const Packed<T> packed{count,
                           {X_memory, count * of.places, of.width, of.width},
                           {S_memory, count * of.use.positions * of.rows, columns, columns}};
    pack_inputs(of, group, X.row_block(first, count), pixels, packed.X);
    pack_sensitivities(of, group, S.row_block(first * of.rows, count * of.rows), count, packed.S);
    return packed;
}

/// The products of a sub-block, (places m_I, places m_J) and (T R' m_I, T R' m_J).
template <class T>
struct Products {
    const SubBlock& of;
    const Taps& taps;
    Index m_row, m_column;
    ConstMatrixView<T> P, F;
};

/// Samples of the column side that are summed at a time, in registers.
constexpr Index lane = 16;

/// sums[k] += f[k] sum over taps of P[k], k < n.
template <class T>
inline __attribute__((always_inline)) void add_pair(const Taps& taps, const T* const* P_rows,
                                                    const Index* seen_by_q, Index m, Index first, Index n,
                                                    const T* f, T* sums) {
    T g[at(lane)] = {};
    for (Index t = 0; t < taps.taps; ++t) {
        if (P_rows[t] == nullptr || seen_by_q[t] < 0) continue;
        const T* const from = P_rows[t] + seen_by_q[t] * m + first;
        for (Index k = 0; k < n; ++k) g[k] += from[k];
    }
    for (Index k = 0; k < n; ++k) sums[k] += f[k] * g[k];
}

/// sums (m_J) += H[ir, js] for all j; P_rows [tap]: memory for a row of P each.
template <class T>
inline __attribute__((always_inline)) void add_row_of(const Products<T>& in, Index i, Index r, Index s,
                                                      const T** P_rows, T* sums) {
    const Index m = in.m_column, rows = in.of.rows, positions = in.of.use.positions;
    const Taps& taps = in.taps;
    for (Index p = 0; p < positions; ++p) {
        for (Index t = 0; t < taps.taps; ++t) {
            const Index place = taps.place[at(p * taps.taps + t)];
            P_rows[t] = place < 0 ? nullptr : in.P.row(place * in.m_row + i);
        }
        const T* const F_row = in.F.row((p * rows + r) * in.m_row + i);
        for (Index q = 0; q < positions; ++q) {
            const T* const f = F_row + (q * rows + s) * m;
            const Index* const seen = taps.place.data() + q * taps.taps;
            Index j = 0;
            for (; j + lane <= m; j += lane) add_pair<T>(taps, P_rows, seen, m, j, lane, f + j, sums + j);
            if (j < m) add_pair<T>(taps, P_rows, seen, m, j, m - j, f + j, sums + j);
        }
    }
}

TANGRAM_VECTOR_CLONES
void add_row(const Products<float>& in, Index i, Index r, Index s, const float** P_rows, float* sums) {
    add_row_of(in, i, r, s, P_rows, sums);
}
TANGRAM_VECTOR_CLONES
void add_row(const Products<double>& in, Index i, Index r, Index s, const double** P_rows, double* sums) {
    add_row_of(in, i, r, s, P_rows, sums);
}

/// H (m_I R', m_J R') += the sums of one sub-block of one group.
template <class T>
void add_sums(const Products<T>& in, const T** P_rows, T* sums, MatrixView<T> H) {
    const Index rows = in.of.rows;
    for (Index a = 0; a < H.rows; ++a) {
        for (Index s = 0; s < rows; ++s) {
            std::fill_n(sums, in.m_column, T{0});
            add_row(in, a / rows, a % rows, s, P_rows, sums);
            for (Index j = 0; j < in.m_column; ++j) H(a, j * rows + s) += sums[j];
        }
    }
}

/// What a tile's sub-blocks share.
template <class T>
struct Work {
    const SubBlock& of;
    const Taps& taps;
    const Memory<T>& memory;
    std::vector<const T*>& P_rows;
};

/// One sub-block of one group.
template <class T>
void add_sub_block(const Work<T>& work, const Packed<T>& row, const Packed<T>& column, MatrixView<T> H) {
    const Memory<T>& memory = work.memory;
    const MatrixView<T> P{memory.P, row.X.rows, column.X.rows, column.X.rows};
    const MatrixView<T> F{memory.F, row.S.rows, column.S.rows, column.S.rows};
    blas::gemm(Op::none, Op::transpose, T{1}, ConstMatrixView<T>(row.X), ConstMatrixView<T>(column.X), T{0},
               P);
    blas::gemm(Op::none, Op::transpose, T{1}, ConstMatrixView<T>(row.S), ConstMatrixView<T>(column.S), T{0},
               F);
    add_sums<T>({work.of, work.taps, row.samples, column.samples, P, F}, work.P_rows.data(), memory.sums, H);
}

template <class T>
StepGrams<T> prepare(const StepTile<T>& tile, const GramScratch<T>& scratch) {
    const Index rows = tile.rows / tile.X_row.rows;
    const SubBlock of{*tile.prepared.use, tile.prepared.R, rows};
    const Memory<T> memory(of, scratch.memory());
    const Taps taps = taps_of(of);
    std::vector<const T*> P_rows(at(taps.taps));
    const Work<T> work{of, taps, memory, P_rows};
    const MatrixView<T> H = scratch.H(tile.rows, tile.cols);
    const Index m = of.samples(), n_row = tile.X_row.rows, n_column = tile.X_column.rows;
    fill(T{0}, H);
    for (Index i = 0; i < n_row; i += m) {
        const Index i_count = std::min(m, n_row - i);
        for (Index g = 0; g < of.use.groups; ++g) {
            const Packed<T> row =
                pack(of, g, tile.X_row, tile.S_row, i, i_count, memory.pixels, memory.X_row, memory.S_row);
            for (Index j = 0; j < (tile.diagonal ? i + i_count : n_column); j += m) {
                const Index j_count = std::min(m, n_column - j);
                const Packed<T> column = pack(of, g, tile.X_column, tile.S_column, j, j_count, memory.pixels,
                                              memory.X_column, memory.S_column);
                add_sub_block(work, row, column, H.block(i * rows, j * rows, i_count * rows, j_count * rows));
            }
        }
    }
    if (tile.diagonal) mirror_lower(H);
    StepGrams<T> grams;
    grams.H = H;
    grams.bias = static_cast<T>(tile.prepared.factors[0]);
    return grams;
}

double operations_of_pair(const PairSizes& sizes) {
    const double of_inputs = std::min(cost_of_patches(sizes), cost_of_pixels(sizes));
    return sizes.positions * sizes.positions * (of_inputs + sizes.Q * sizes.d_out);
}

}  // namespace

const FormFacts pairs_facts{.name = "pairs",
                            .needs_input = true,
                            .operations_of_pair = operations_of_pair,
                            .scratch_values = scratch_values};

template <class T>
const TileRoutines<T>& pairs_tiles() {
    static const TileRoutines<T> routines{prepare<T>, plain_tiles<T>().add, plain_tiles<T>().fill,
                                          own_numbers_on_positions<T>, add_own_block_on_positions<T>};
    return routines;
}

template const TileRoutines<float>& pairs_tiles();
template const TileRoutines<double>& pairs_tiles();

}  // namespace tangram::forms
