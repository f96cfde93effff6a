// Of a sample and a group of channels, with the patches of x, X (C_in k / groups, positions), one column a position:
//
//   y = w X  (C_out / groups, positions)        S_w += S X^T        S_X = w^T S, added to x where its patches came from
//
//   x (C_in, in..)   w (C_out, C_in / groups, kernel..)   y (C_out, out..)        S (n R, C_out positions)

#include "tangram/support/blas.hpp"
#include "tangram/tangent/operators.hpp"
#include "tangram/tangent/patches.hpp"

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

void forward(const ForwardPass& pass) {
    const auto& op = std::get<Convolve>(pass.node.op);
    const Patches patches = patches_of(op);
    const Sizes of{op, patches};
    const AlignedBuffer<double> memory(of.patch_values());
    for (Index i = 0; i < pass.output.rows; ++i) {
        for (Index g = 0; g < op.groups; ++g) {
            const ConstMatrixView<double> X =
                patches_at(patches, of.x(pass.inputs[0].row(i), g), memory.data());
            blas::gemm(Op::none, Op::none, 1.0, of.w(pass.inputs[1].row(i), g), X, 0.0,
                       of.y(pass.output.row(i), g));
        }
    }
}

/// S_x += the patches of w^T S.
void pull_back_to_x(const BackwardPass& pass, const Sizes& of) {
    const Contribution& to = pass.to[0];
    const Index R = pass.rows_per_sample();
    const Patches& patches = of.patches;
    const AlignedBuffer<double> memory(patches.rows() * patches.positions);
    const MatrixView<double> S_X{memory.data(), patches.rows(), patches.positions, patches.positions};
    begin(to);
    for (Index i = 0; i < pass.S.rows; ++i) {
        for (Index g = 0; g < of.op.groups; ++g) {
            blas::gemm(Op::transpose, Op::none, 1.0, of.w(pass.inputs[1].row(i / R), g),
                       of.y(pass.S.row(i), g), 0.0, S_X);
            add_patches(patches, S_X, of.x(to.S.row(i), g));
        }
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
