// A weight on positions p = 1..T so few that their pairs are cheaper than rows of J. The gradient of (i, r) is
// c sum over p of s_irp x_ip^T.
//
//   K[W] = c^2 H        H[ir, js] = sum over p, q of (s_irp . s_jsq) (x_ip . x_jq)
//
// Sub-blocks of samples a tile at a time, X (m T, d_in), S (m T, R d_out) or (m R T, d_out) for full, position by position:
//
//   G = X_I X_J^T     F = S_I S_J^T      H[i, j] = sum of the T x T entries of G o F           summed over groups of channels

#include "positions.hpp"
#include "sensitivities.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>

namespace tangram::forms {

namespace {

using blas::Op;

/// Rows of F in a sub-block: enough for gemm, few enough that G and F stay near the cache.
constexpr Index sub_block_rows = 768;

/// Sizes and memory of a sub-block of up to m samples.
struct SubBlock {
    const WeightUse& use;
    Index R, rows;  ///< R' rows of a sample
    [[nodiscard]] Index samples() const {
        return std::max<Index>(1, sub_block_rows / (use.positions * rows));
    }
    [[nodiscard]] Index columns_of_S() const { return R / rows * use.d_out; }
    [[nodiscard]] Index X_values() const { return samples() * use.positions * use.d_in; }
    [[nodiscard]] Index S_values() const { return samples() * rows * use.positions * columns_of_S(); }
    [[nodiscard]] Index pixel_values() const {
        return use.patches ? use.patches->pixels * use.patches->channels : 0;
    }
    [[nodiscard]] Index G_values() const { return samples() * use.positions * samples() * use.positions; }
    [[nodiscard]] Index values() const {
        return 2 * (X_values() + S_values()) + pixel_values() + (1 + rows * rows) * G_values();
    }
};

Index scratch_values(const WeightUse& use, Index R, Index rows_per_sample) {
    return SubBlock{use, R, rows_per_sample}.values();
}

/// Position by position, of one group.
template <class T>
struct Packed {
    MatrixView<T> X, S;
};

template <class T>
void pack_inputs(const WeightUse& use, Index group, ConstMatrixView<T> x, T* pixels, MatrixView<T> X) {
    for (Index i = 0; i < x.rows; ++i) {
        const MatrixView<T> to = X.row_block(i * use.positions, use.positions);
        if (!use.patches) {
            std::copy_n(x.row(i), to.rows * to.cols, to.data);
            continue;
        }
        const Patches& patches = *use.patches;
        const ConstMatrixView<T> channels{x.row(i) + group * patches.channels * patches.pixels,
                                          patches.channels, patches.pixels, patches.pixels};
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
            const MatrixView<T> at_r =
                of.rows == 1 ? to.block(i * use.positions, r * use.d_out, use.positions, use.d_out)
                             : to.row_block((i * of.R + r) * use.positions, use.positions);
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
        G = pixels + of.pixel_values();
        F = G + of.G_values();
    }
    T *X_row, *X_column, *S_row, *S_column, *pixels, *G, *F;
};

/// The samples [first, first + count) of one side.
template <class T>
Packed<T> pack(const SubBlock& of, Index group, ConstMatrixView<T> X, ConstMatrixView<T> S, Index first,
               Index count, T* pixels, T* X_memory, T* S_memory) {
    const WeightUse& use = of.use;
    const Index T_count = count * use.positions;
    Packed<T> packed{{X_memory, T_count, use.d_in, use.d_in},
                     {S_memory, T_count * of.rows, of.columns_of_S(), of.columns_of_S()}};
    pack_inputs(use, group, X.row_block(first, count), pixels, packed.X);
    pack_sensitivities(of, group, S.row_block(first * of.rows, count * of.rows), count, packed.S);
    return packed;
}

/// H[ir, js] += sum over p, q of G[ip, jq] F[irp, jsq].
template <class T>
void add_sums(Index positions, Index rows, ConstMatrixView<T> G, ConstMatrixView<T> F, MatrixView<T> H) {
    for (Index a = 0; a < H.rows; ++a) {
        for (Index p = 0; p < positions; ++p) {
            const T* const g = G.row(a / rows * positions + p);
            const T* const f = F.row(a * positions + p);
            for (Index b = 0; b < H.cols; ++b) {
                const T* const g_j = g + b / rows * positions;
                const T* const f_j = f + b * positions;
                T sum = 0;
#pragma omp simd reduction(+ : sum)
                for (Index q = 0; q < positions; ++q) sum += g_j[q] * f_j[q];
                H(a, b) += sum;
            }
        }
    }
}

/// One sub-block of one group.
template <class T>
void add_sub_block(const SubBlock& of, const Packed<T>& row, const Packed<T>& column, const Memory<T>& memory,
                   MatrixView<T> H) {
    const MatrixView<T> G{memory.G, row.X.rows, column.X.rows, column.X.rows};
    const MatrixView<T> F{memory.F, row.S.rows, column.S.rows, column.S.rows};
    blas::gemm(Op::none, Op::transpose, T{1}, ConstMatrixView<T>(row.X), ConstMatrixView<T>(column.X), T{0},
               G);
    blas::gemm(Op::none, Op::transpose, T{1}, ConstMatrixView<T>(row.S), ConstMatrixView<T>(column.S), T{0},
               F);
    add_sums<T>(of.use.positions, of.rows, G, F, H);
}

template <class T>
StepGrams<T> prepare(const StepTile<T>& tile, const GramScratch<T>& scratch) {
    const Index rows = tile.rows / tile.X_row.rows;
    const SubBlock of{*tile.prepared.use, tile.prepared.R, rows};
    const Memory<T> memory(of, scratch.memory());
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
                add_sub_block(of, row, column, memory,
                              H.block(i * rows, j * rows, i_count * rows, j_count * rows));
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
    return sizes.positions * sizes.positions * (sizes.d_in + sizes.Q * sizes.d_out);
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
