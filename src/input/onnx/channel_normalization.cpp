// Normalizations over groups of channels, over neighbouring channels, over axes, and by norms.

#include "tangram/support/text.hpp"
#include "windows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

/// Input k, one number for each of `entries` channels or groups, along axis 1 of a value with `axes` axes.
Operand along_axis_1(const Lowering& l, std::size_t k, Index entries, std::size_t axes) {
    const Operand& numbers = l.input(k);
    if (numbers.shape != Shape{entries}) {
        refuse(l,
               fmt::format("input {} has the shape {} for {}", k, shape_text(numbers.shape),
                           describe(l.input(0))),
               fmt::format("in opset {} it must be ({})", l.opset, entries));
    }
    Shape along(axes - 1, 1);
    along[0] = entries;
    return reshaped(numbers, std::move(along));
}

/// Scale and bias are one a group before opset 21, one a channel since.
void group_normalization(Lowering& l) {
    const Operand& x = l.input(0);
    const Index groups = l.integer("num_groups", 0);
    if (x.shape.size() < 3 || groups < 1 || x.shape[1] % groups != 0) {
        refuse(l, fmt::format("{} in {} groups", describe(x), groups), "it must be (batch, channels, ..)");
    }
    const Index length = x.shape[1] / groups * count({x.shape.begin() + 2, x.shape.end()});
    Operand y = standardize(l.builder, x, length, l.number("epsilon", 1e-5));
    const bool by_group = l.opset < 21;
    if (by_group) y = reshaped(y, {x.shape[0], groups, length});
    const Index entries = by_group ? groups : x.shape[1];
    const Operand scaled = multiply(l.builder, y, along_axis_1(l, 1, entries, y.shape.size()));
    give(l, reshaped(add(l.builder, scaled, along_axis_1(l, 2, entries, y.shape.size())), x.shape));
}

/// x / (bias + alpha / size times the sum of squares of `size` neighbouring channels)^beta.
void local_response_normalization(Lowering& l) {
    const Operand& x = l.input(0);
    const Index size = l.integer("size", 0);
    if (x.shape.size() < 2 || size < 1 || count(x.shape) == 0)
        refuse(l, fmt::format("{}, {} channels at a time", describe(x), size),
               "it must be (batch, channels, ..)");
    const Index channels = x.shape[1], inside = count({x.shape.begin() + 2, x.shape.end()});
    const Index before = (size - 1) / 2, after = size - 1 - before;
    Windows windows;
    for (Index entry = 0; entry < count(x.shape); ++entry) {
        const Index c = entry / inside % channels;
        for (Index k = std::max(c - before, Index{0}); k <= std::min(c + after, channels - 1); ++k)
            windows.from.push_back(entry + (k - c) * inside);
        windows.begin.push_back(static_cast<Index>(windows.from.size()));
    }
    windows.weight.assign(windows.from.size(), l.number("alpha", 1e-4) / static_cast<double>(size));
    const Operand squares = apply(l.builder, x, Function::power, 2);
    const Operand sums = combine(l.builder, squares, std::move(windows), x.shape);
    const Operand base = apply(l.builder, sums, Function::affine, 1, l.number("bias", 1));
    const Operand factor = apply(l.builder, base, Function::power, -l.number("beta", 0.75));
    give(l, multiply(l.builder, x, factor));
}

/// Over the axes, which go: their sum times `weight`, with axes of 1 in their places.
Operand summed(const Lowering& l, const Operand& x, std::span<const Index> axes, double weight) {
    Shape shape = x.shape;
    for (const Index axis : axes) shape[at(axis)] = 1;
    return combine(l.builder, x, windows_over(x.shape, axes, weight), std::move(shape));
}

/// (x - mean) / (deviation + 1e-9).
void mean_variance_normalization(Lowering& l) {
    const Operand& x = l.input(0);
    std::vector<Index> axes = l.list("axes").value_or(std::vector<Index>{0, 2, 3});
    for (Index& axis : axes) axis = axis_of(l, axis, static_cast<Index>(x.shape.size()));
    std::sort(axes.begin(), axes.end());
    Index size = 1;
    for (const Index axis : axes) size *= x.shape[at(axis)];
    const double share = 1 / static_cast<double>(size);
    const Operand centered = add(l.builder, x, summed(l, x, axes, share), -1);
    const Operand variance = summed(l, apply(l.builder, centered, Function::power, 2), axes, share);
    const Operand deviation = apply(l.builder, variance, Function::sqrt);
    const Operand divisor = apply(l.builder, deviation, Function::affine, 1, 1e-9);
    give(l, multiply(l.builder, centered, apply(l.builder, divisor, Function::reciprocal)));
}

/// x / (sum of |x|^p)^(1/p) along an axis, p = 1 or 2.
void norm_normalization(Lowering& l) {
    const Operand& x = l.input(0);
    const Index axis = axis_of(l, l.integer("axis", -1), static_cast<Index>(x.shape.size()));
    const Index p = l.integer("p", 2);
    if (p != 1 && p != 2) refuse(l, fmt::format("p is {}", p), "it must be 1 or 2");
    const Operand terms =
        p == 1 ? apply(l.builder, x, Function::abs) : apply(l.builder, x, Function::power, 2);
    const Operand sum = summed(l, terms, std::array{axis}, 1);
    const Operand norm = p == 1 ? sum : apply(l.builder, sum, Function::root);
    give(l, multiply(l.builder, x, apply(l.builder, norm, Function::reciprocal)));
}

constexpr std::array table{
    Entry{"GroupNormalization", group_normalization},
    Entry{"LRN", local_response_normalization},
    Entry{"LpNormalization", norm_normalization},
    Entry{"MeanVarianceNormalization", mean_variance_normalization},
};

}  // namespace

std::span<const Entry> channel_normalization_operators() {
    return table;
}

}  // namespace tangram::onnx_file
