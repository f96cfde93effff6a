// Of a sample and a group of channels, with the patches of x, X (C_in k / groups, positions), one column a position:
//
//   y = w X  (C_out / groups, positions)        S_w += S X^T        S_X = w^T S, added to x where its patches came from
//
//   x (C_in, in..)   w (C_out, C_in / groups, kernel..)   y (C_out, out..)        S (n R, C_out positions)
//
// Where positions are few, those of several samples stand beside each other, so that w is read once for all of them.

#include "tangram/support/blas.hpp"
#include "tangram/tangent/operators.hpp"
#include "tangram/tangent/patches.hpp"

#include <algorithm>

namespace tangram::operators {

namespace {

using blas::Op;

/// X of one group of one sample, in `memory` unless it is x itself; x: the group's channels.
ConstMatrixView<double> patches_at(const Patches& patches, const double* x, double* memory) {
    if (patches.is_x) return {x, patches.rows(), patches.positions, patches.positions};
    const MatrixView<double> X{memory, patches.rows(), patches.positions, patches.positions};
    fill_patches(patches, x, 0, X);
    return X;
}

/// A group's parts of a sample's arrays.
struct Sizes {
    const Convolve& op;
    const Patches& patches;
    [[nodiscard]] Index channels_out() const { return op.out_channels / op.groups; }
    [[nodiscard]] const double* x(const double* sample, Index group) const {
        return sample + group * patches.channels * patches.pixels;
    }
    [[nodiscard]] double* x(double* sample, Index group) const {
        return sample + group * patches.channels * patches.pixels;
    }
    /// (C_out / groups, C_in k / groups) of a group.
    template <class T>
    [[nodiscard]] MatrixView<T> w(T* weights, Index group) const {
        const Index rows = channels_out(), cols = patches.rows();
        return {weights + group * rows * cols, rows, cols, cols};
    }
    /// (C_out / groups, positions) of a group.
    template <class T>
    [[nodiscard]] MatrixView<T> y(T* sample, Index group) const {
        const Index rows = channels_out(), cols = patches.positions;
        return {sample + group * rows * cols, rows, cols, cols};
    }
    [[nodiscard]] Index patch_values() const { return patches.is_x ? 0 : patches.rows() * patches.positions; }
};

/// Columns of a product that are enough for gemm.
constexpr Index enough_columns = 256;

/// Samples, or rows of S, of `rows` whose products are one: all have the same weights then.
Index samples_at_once(const Patches& patches, ConstMatrixView<double> weights, Index rows) {
    if (weights.ld != 0 && weights.rows > 1) return 1;
    return std::clamp<Index>(enough_columns / patches.positions, 1, rows);
}

/// Memory for so many samples beside each other: their patches, and one group of y.
struct SideBySide {
    SideBySide(const Sizes& sizes, Index samples)
        : of(sizes),
          X(sizes.patches.rows() * sizes.patches.positions * samples),
          y(samples > 1 ? sizes.channels_out() * sizes.patches.positions * samples : 0) {}
    const Sizes& of;
    AlignedBuffer<double> X, y;

    /// (rows, positions) of the k-th of n samples, and all of them together.
    static MatrixView<double> part(double* data, Index rows, Index positions, Index k, Index n) {
        return {data + k * positions, rows, positions, n * positions};
    }
    [[nodiscard]] MatrixView<double> patches(Index k, Index n) const {
        return part(X.data(), of.patches.rows(), of.patches.positions, k, n);
    }
    [[nodiscard]] MatrixView<double> outputs(Index k, Index n) const {
        return part(y.data(), of.channels_out(), of.patches.positions, k, n);
    }
    static MatrixView<double> all(MatrixView<double> first, Index n) {
        return {first.data, first.rows, n * first.cols, first.ld};
    }
};

void copy_rows(ConstMatrixView<double> from, MatrixView<double> to) {
    for (Index o = 0; o < from.rows; ++o) std::copy_n(from.row(o), from.cols, to.row(o));
}

/// y of one group of samples [first, first + n).
void forward_group(const ForwardPass& pass, const SideBySide& beside, Index group, Index first, Index n) {
    const Sizes& of = beside.of;
    const auto w = of.w(pass.inputs[1].row(first), group);
    if (n == 1) {
        const ConstMatrixView<double> X =
            patches_at(of.patches, of.x(pass.inputs[0].row(first), group), beside.X.data());
        blas::gemm(Op::none, Op::none, 1.0, w, X, 0.0, of.y(pass.output.row(first), group));
        return;
    }
    for (Index k = 0; k < n; ++k)
        fill_patches(of.patches, of.x(pass.inputs[0].row(first + k), group), 0, beside.patches(k, n));
    const MatrixView<double> X = SideBySide::all(beside.patches(0, n), n);
    blas::gemm(Op::none, Op::none, 1.0, w, ConstMatrixView<double>(X), 0.0,
               SideBySide::all(beside.outputs(0, n), n));
    for (Index k = 0; k < n; ++k) copy_rows(beside.outputs(k, n), of.y(pass.output.row(first + k), group));
}

void forward(const ForwardPass& pass) {
    const auto& op = std::get<Convolve>(pass.node.op);
    const Patches patches = patches_of(op);
    const Sizes of{op, patches};
    const Index at_once = samples_at_once(patches, pass.inputs[1], pass.output.rows);
    const SideBySide beside(of, at_once);
    for (Index first = 0; first < pass.output.rows; first += at_once) {
        for (Index g = 0; g < op.groups; ++g)
            forward_group(pass, beside, g, first, std::min(at_once, pass.output.rows - first));
    }
}

/// S_x of one group of rows [first, first + n) += the patches of w^T S.
void pull_back_group(const BackwardPass& pass, const SideBySide& beside, Index group, Index first, Index n) {
    const Sizes& of = beside.of;
    for (Index k = 0; k < n && n > 1; ++k)
        copy_rows(of.y(pass.S.row(first + k), group), beside.outputs(k, n));
    const ConstMatrixView<double> S =
        n > 1 ? SideBySide::all(beside.outputs(0, n), n) : of.y(pass.S.row(first), group);
    blas::gemm(Op::transpose, Op::none, 1.0, of.w(pass.inputs[1].row(first / pass.rows_per_sample()), group),
               S, 0.0, SideBySide::all(beside.patches(0, n), n));
    for (Index k = 0; k < n; ++k)
        add_patches(of.patches, beside.patches(k, n), of.x(pass.to[0].S.row(first + k), group));
}

void pull_back_to_x(const BackwardPass& pass, const Sizes& of) {
    const Index at_once = samples_at_once(of.patches, pass.inputs[1], pass.S.rows);
    const SideBySide beside(of, at_once);
    begin(pass.to[0]);
    for (Index first = 0; first < pass.S.rows; first += at_once) {
        for (Index g = 0; g < of.op.groups; ++g)
            pull_back_group(pass, beside, g, first, std::min(at_once, pass.S.rows - first));
    }
}

/// S_w += S X^T, the patches of a sample made once for all its rows.
void pull_back_to_w(const BackwardPass& pass, const Sizes& of) {
    const Contribution& to = pass.to[1];
    const Index R = pass.rows_per_sample();
    const AlignedBuffer<double> memory(of.patch_values());
    for (Index sample = 0; sample < pass.kept.rows; ++sample) {
        for (Index g = 0; g < of.op.groups; ++g) {
            const ConstMatrixView<double> X =
                patches_at(of.patches, of.x(pass.inputs[0].row(sample), g), memory.data());
            for (Index i = sample * R; i < (sample + 1) * R; ++i) {
                blas::gemm(Op::none, Op::transpose, 1.0, of.y(pass.S.row(i), g), X, to.adds ? 1.0 : 0.0,
                           of.w(to.S.row(i), g));
            }
        }
    }
}

void pull_back(const BackwardPass& pass) {
    const auto& op = std::get<Convolve>(pass.node.op);
    const Patches patches = patches_of(op);
    const Sizes of{op, patches};
    if (pass.to[0].is_needed()) pull_back_to_x(pass, of);
    if (pass.to[1].is_needed()) pull_back_to_w(pass, of);
}

}  // namespace

const OperatorRoutines convolve_routines{.forward = forward,
                                         .pull_back = pull_back,
                                         .kept_values = [](Index) { return Index{0}; },
                                         .may_overflow = true,
                                         .result = "convolution after"};

}  // namespace tangram::operators
