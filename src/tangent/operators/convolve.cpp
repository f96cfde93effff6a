// Of a sample and a group of channels, with the patches of x, X (C_in k / groups, positions), one column a position:
//
//   y = w X  (C_out / groups, positions)        S_w += S X^T        S_X = w^T S, added to x where its patches came from
//
//   x (C_in, in..)   w (C_out, C_in / groups, kernel..)   y (C_out, out..)        S (n R, C_out positions)

#include "tangram/support/blas.hpp"
#include "tangram/tangent/operators.hpp"

#include <algorithm>
#include <numeric>

namespace tangram::operators {

namespace {

using blas::Op;

Index product(const std::vector<Index>& extents) {
    return std::accumulate(extents.begin(), extents.end(), Index{1}, std::multiplies<>());
}

/// Where the entries of a patch lie: the same for all channels and samples.
struct Patches {
    Index channels = 0;       ///< of a group
    Index pixels = 0;         ///< of a channel of x
    Index taps = 0;           ///< entries of the kernel
    Index positions = 0;      ///< of y
    std::vector<Index> from;  ///< (taps, positions): which pixel, -1 outside
    [[nodiscard]] Index rows() const { return channels * taps; }
    /// Every position has its own pixel, in order: X is x itself.
    bool is_x = false;
};

/// Steps `index` to the next of a row-major block of these extents.
void advance(std::vector<Index>& index, const std::vector<Index>& extents) {
    for (std::size_t axis = extents.size(); axis-- > 0;) {
        if (++index[axis] < extents[axis]) return;
        index[axis] = 0;
    }
}

/// The pixel that a tap sees from a position, -1 outside.
Index pixel_of(const Convolve& op, const std::vector<Index>& tap, const std::vector<Index>& position) {
    Index pixel = 0;
    for (std::size_t axis = 0; axis < op.in.size(); ++axis) {
        const Index here = op.strides[axis] * position[axis] + op.dilations[axis] * tap[axis] - op.pads[axis];
        if (here < 0 || here >= op.in[axis]) return -1;
        pixel = pixel * op.in[axis] + here;
    }
    return pixel;
}

Patches patches_of(const Convolve& op) {
    Patches patches{
        op.in_channels / op.groups, product(op.in), product(op.kernel), product(op.out), {}, false};
    patches.from.reserve(at(patches.taps * patches.positions));
    std::vector<Index> tap(op.kernel.size(), 0);
    for (Index t = 0; t < patches.taps; ++t, advance(tap, op.kernel)) {
        std::vector<Index> position(op.out.size(), 0);
        for (Index p = 0; p < patches.positions; ++p, advance(position, op.out))
            patches.from.push_back(pixel_of(op, tap, position));
    }
    patches.is_x = patches.taps == 1 && patches.positions == patches.pixels;
    for (Index p = 0; patches.is_x && p < patches.positions; ++p) patches.is_x = patches.from[at(p)] == p;
    return patches;
}

/// X of one group of one sample, into `memory` unless it is x itself; x: the group's channels.
ConstMatrixView<double> fill(const Patches& patches, const double* x, double* memory) {
    if (patches.is_x) return {x, patches.rows(), patches.positions, patches.positions};
    double* to = memory;
    for (Index c = 0; c < patches.channels; ++c, x += patches.pixels) {
        const Index* from = patches.from.data();
        for (Index k = 0; k < patches.taps * patches.positions; ++k) {
            const Index pixel = from[k];
            *to++ = pixel < 0 ? 0.0 : x[pixel];
        }
    }
    return {memory, patches.rows(), patches.positions, patches.positions};
}

/// x += what of S_X came from where.
void scatter(const Patches& patches, const double* S_X, double* x) {
    for (Index c = 0; c < patches.channels; ++c, x += patches.pixels) {
        const Index* from = patches.from.data();
        for (Index k = 0; k < patches.taps * patches.positions; ++k, ++S_X) {
            if (from[k] >= 0) x[from[k]] += *S_X;
        }
    }
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
            const ConstMatrixView<double> X = fill(patches, of.x(pass.inputs[0].row(i), g), memory.data());
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
            scatter(patches, memory.data(), of.x(to.S.row(i), g));
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
                fill(of.patches, of.x(pass.inputs[0].row(sample), g), memory.data());
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
