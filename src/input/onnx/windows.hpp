#pragma once
// How a kernel goes over the spatial axes of x (N, C, in[0], ..): what convolutions and pools have in common. Output o of an
// axis sees the entries strides o + dilations k - before, k = 0..kernel - 1. Private to input/onnx/.

#include "lowering.hpp"

namespace tangram::onnx_file {

struct Sweep {
    Shape in, kernel, out, strides, dilations, before,
        after;  ///< [axis]; padding before the first and after the last
};

/// A list attribute, one number an axis: `fallback` for all where it is left out.
Shape list_of(const Lowering& lowering, const char* name, std::size_t length, Index fallback, Index least);
/// The kernel's shape is that of the weight w (.., .., kernel); an attribute may repeat it.
Shape kernel_of(const Lowering& lowering, const Operand& w);
/// y (N, channels, ..) and input 2, one number a channel, where it is given.
Operand with_bias(const Lowering& lowering, const Operand& y, Index channels);

/// Of the node's attributes strides, dilations, pads, auto_pad. Refuses a kernel that does not fit. With `rounds_up` the last
/// output may see beyond the padding, but begins inside: PyTorch's rule of ceil_mode.
Sweep sweep_of(const Lowering& lowering, const Operand& x, Shape kernel, bool rounds_up = false);

/// Windows over the axes that go, `axes` ascending: of each entry that is left, all that it is made of, each with `weight`.
Windows windows_over(const Shape& shape, std::span<const Index> axes, double weight);

}  // namespace tangram::onnx_file
