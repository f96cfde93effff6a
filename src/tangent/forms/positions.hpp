#pragma once
// What the forms of a weight on positions have in common (tangent/weight_use.hpp): the matrices of one sample, its gradient in
// blocks, sizes before cancellation.

#include "tangram/tangent/forms.hpp"

namespace tangram::forms {

/// S of one sample: (d_out, T) of a group and row, or (T, d_out) position by position.
template <class T>
struct OwnSensitivities {
    const WeightUse& use;
    const T* data;
    Index stride;  ///< between rows r
    [[nodiscard]] ConstMatrixView<T> of(Index group, Index r) const {
        const T* const s = data + r * stride + group * use.d_out * use.positions;
        if (use.by_position) return {s, use.positions, use.d_out, use.d_out};
        return {s, use.d_out, use.positions, use.positions};
    }
};

/// Of sample i of S as panels have it, (n, R d) or (n R', d).
template <class T>
OwnSensitivities<T> own_sensitivities(const WeightUse& use, ConstMatrixView<T> S, Index i,
                                      Index rows_per_sample) {
    const Index d = use.groups * use.d_out * use.positions;
    return {use, S.row(i * rows_per_sample), rows_per_sample > 1 ? S.ld : d};
}

/// X of inputs [first, first + count) of a group, of a sample x: (count, T), or (T, count) position by position; patches that
/// are not x itself go into `memory` (count T).
template <class T>
ConstMatrixView<T> own_inputs(const WeightUse& use, const T* x, Index group, Index first, Index count,
                              T* memory);

/// Memory that own_inputs() takes.
inline Index input_values(const WeightUse& use, Index count) {
    return use.patches && !use.patches->is_x ? count * use.positions : 0;
}

/// The gradient, but for c, of the inputs in X (count) of a group: (d_out, count), or (count, d_out) if by_input.
template <class T>
void make_gradient(const WeightUse& use, ConstMatrixView<T> S, ConstMatrixView<T> X, bool by_input,
                   MatrixView<T> G);

/// own_numbers() and add_own_block() of both forms.
template <class T>
void own_numbers_on_positions(const OwnFeatures<T>& own, std::vector<NamedNumber>& numbers);
template <class T>
void add_own_block_on_positions(const OwnFeatures<T>& own, std::size_t which, MatrixView<double> block);

/// What MakingRoutines ask for.
std::vector<MadeBlock> blocks_of_weight(const WeightUse& use, Index R);
template <class T>
void make_block(const PreparedStep& prepared, const MadeBlock& block, ConstMatrixView<T> X,
                ConstMatrixView<T> S, T* scratch, MatrixView<T> J);

}  // namespace tangram::forms
