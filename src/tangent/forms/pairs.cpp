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
//
// Where a sample has many rows r, some of them at a time, so that F stays small. Packing is in pairs_block.hpp, the sum over p, q, t
// in pairs_sums.hpp.

#include "pairs_block.hpp"
#include "pairs_sums.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>

namespace tangram::forms {

namespace {

using blas::Op;

Index scratch_values(const WeightUse& use, Index R, Index rows_per_sample) {
    return SubBlock{use, R, rows_per_sample}.values();
}

/// The samples [first, first + count) of one side of a tile, one group of channels.
template <class T>
struct Side {
    const SubBlock& of;
    Index group = 0;
    ConstMatrixView<T> X, S;

    Side(const SubBlock& its, Index g, ConstMatrixView<T> all_X, ConstMatrixView<T> all_S, Index first,
         Index count)
        : of(its),
          group(g),
          X(all_X.row_block(first, count)),
          S(all_S.row_block(first * its.rows, count * its.rows)) {}
    [[nodiscard]] Index samples() const { return X.rows; }
    [[nodiscard]] Index rows_from(Index first) const { return std::min(of.rows_at_once, of.rows - first); }
};

template <class T>
MatrixView<T> product(ConstMatrixView<T> A, ConstMatrixView<T> B, T* memory) {
    const MatrixView<T> AB{memory, A.rows, B.rows, B.rows};
    blas::gemm(Op::none, Op::transpose, T{1}, A, B, T{0}, AB);
    return AB;
}

/// H (m_I R', m_J R') += one sub-block of one group; X_row is packed.
template <class T>
void add_sub_block(const Side<T>& row, const Side<T>& column, MatrixView<T> X_row,
                   const PairsMemory<T>& memory, MatrixView<T> H) {
    const SubBlock& of = row.of;
    const MatrixView<T> X_column = pack_inputs(of, column.group, column.X, memory.pixels, memory.X_column);
    const MatrixView<T> P = product<T>(X_row, X_column, memory.P);
    for (Index r = 0; r < of.rows; r += of.rows_at_once) {
        const SideOfPairs of_row{row.samples(), r, row.rows_from(r)};
        const MatrixView<T> S_row = pack_sensitivities(of, row.group, row.S, r, of_row.rows, memory.S_row);
        for (Index s = 0; s < of.rows; s += of.rows_at_once) {
            const SideOfPairs of_column{column.samples(), s, column.rows_from(s)};
            const MatrixView<T> S_column =
                pack_sensitivities(of, column.group, column.S, s, of_column.rows, memory.S_column);
            const MatrixView<T> F = product<T>(S_row, S_column, memory.F);
            add_pairs<T>({of, of_row, of_column, P, F}, memory, H);
        }
    }
}

template <class T>
StepGrams<T> prepare(const StepTile<T>& tile, const GramScratch<T>& scratch) {
    const Index rows = tile.rows / tile.X_row.rows;
    const SubBlock of{*tile.prepared.use, tile.prepared.R, rows};
    const PairsMemory<T> memory(of, scratch.memory());
    const MatrixView<T> H = scratch.H(tile.rows, tile.cols);
    const Index m = of.samples(), n_row = tile.X_row.rows, n_column = tile.X_column.rows;
    fill(T{0}, H);
    for (Index i = 0; i < n_row; i += m) {
        const Index i_count = std::min(m, n_row - i);
        for (Index g = 0; g < of.use.groups; ++g) {
            const Side<T> row(of, g, tile.X_row, tile.S_row, i, i_count);
            const MatrixView<T> X_row = pack_inputs(of, g, row.X, memory.pixels, memory.X_row);
            for (Index j = 0; j < (tile.diagonal ? i + i_count : n_column); j += m) {
                const Index j_count = std::min(m, n_column - j);
                const Side<T> column(of, g, tile.X_column, tile.S_column, j, j_count);
                add_sub_block(row, column, X_row, memory,
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
    const double of_inputs = std::min(cost_of_patches(sizes), cost_of_pixels(sizes));
    return sizes.positions * sizes.positions * (of_inputs + sizes.Q * sizes.d_out);
}

}  // namespace

const FormFacts pairs_facts{.name = "pairs",
                            .needs_input = true,
                            .operations_of_pair = operations_of_pair,
                            .scratch_values = scratch_values,
                            .places_seen = places_seen};

template <class T>
const TileRoutines<T>& pairs_tiles() {
    static const TileRoutines<T> routines{prepare<T>, plain_tiles<T>().add, plain_tiles<T>().fill,
                                          own_numbers_on_positions<T>, add_own_block_on_positions<T>};
    return routines;
}

template const TileRoutines<float>& pairs_tiles();
template const TileRoutines<double>& pairs_tiles();

}  // namespace tangram::forms
