// ConvTranspose, as what it is: every pixel of x gives a patch, x^T w, and patches are added up where they lie over each other.
//
//   x (N, groups, C / groups, pixels)   w (groups, C / groups, M / groups kernel)   patches (N, groups, pixels, M / groups kernel)
//   y[n, o, p] = sum of patches[n, o's group, q, o, k] over all pixels q and taps k with strides q + dilations k - pads = p

#include "tangram/support/text.hpp"
#include "windows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tangram::onnx_file {

namespace {

/// Of an axis: where the taps of a pixel's patch fall.
struct Axis {
    Index in = 1, kernel = 1, stride = 1, dilation = 1, before = 0, out = 1;
};

/// What falls on one entry of an axis, or of all axes together: (pixel, tap).
using Landing = std::vector<std::array<Index, 2>>;

std::vector<Landing> landings_along(const Axis& axis) {
    std::vector<Landing> landings(at(axis.out));
    for (Index q = 0; q < axis.in; ++q) {
        for (Index k = 0; k < axis.kernel; ++k) {
            const Index p = axis.stride * q + axis.dilation * k - axis.before;
            if (p >= 0 && p < axis.out) landings[at(p)].push_back({q, k});
        }
    }
    return landings;
}

std::vector<Landing> landings_of(const std::vector<Axis>& axes) {
    std::vector<Landing> all{{{0, 0}}};
    for (const Axis& axis : axes) {
        const std::vector<Landing> along = landings_along(axis);
        std::vector<Landing> longer;
        longer.reserve(all.size() * along.size());
        for (const Landing& before : all) {
            for (const Landing& here : along) {
                Landing& both = longer.emplace_back();
                for (const auto& [q, k] : before) {
                    for (const auto& [q_here, k_here] : here)
                        both.push_back({q * axis.in + q_here, k * axis.kernel + k_here});
                }
            }
        }
        all = std::move(longer);
    }
    return all;
}

/// The padding before the first of an axis that shall be `wanted` long, its patches together being `whole`.
Index padding_for(Index wanted, Index whole, bool more_after) {
    const Index padding = std::max(whole - wanted, Index{0});
    return more_after ? padding / 2 : padding - padding / 2;
}

/// strides, dilations, pads, output_padding, output_shape, auto_pad.
std::vector<Axis> axes_of_node(const Lowering& l, const Shape& in, const Shape& kernel) {
    const std::size_t count_of_axes = in.size();
    const Shape strides = list_of(l, "strides", count_of_axes, 1, 1);
    const Shape dilations = list_of(l, "dilations", count_of_axes, 1, 1);
    const Shape pads = list_of(l, "pads", 2 * count_of_axes, 0, 0);
    const Shape added = list_of(l, "output_padding", count_of_axes, 0, 0);
    const std::string automatic = l.text("auto_pad", "NOTSET");
    const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
    if (!same && automatic != "NOTSET" && automatic != "VALID") {
        refuse(l, fmt::format("auto_pad is '{}'", printable(automatic)),
               "it must be NOTSET, VALID, SAME_UPPER or SAME_LOWER");
    }
    const bool wants_shape = l.list("output_shape").has_value();
    const Shape wanted = list_of(l, "output_shape", count_of_axes, 1, 1);
    std::vector<Axis> axes(count_of_axes);
    for (std::size_t k = 0; k < count_of_axes; ++k) {
        Axis& axis = axes[k] = {in[k], kernel[k], strides[k], dilations[k], 0, 1};
        const Index whole = strides[k] * (in[k] - 1) + added[k] + dilations[k] * (kernel[k] - 1) + 1;
        if (wants_shape || same) {
            axis.out = wants_shape ? wanted[k] : in[k] * strides[k];
            axis.before = padding_for(axis.out, whole, automatic == "SAME_UPPER");
        } else {
            axis.before = automatic == "VALID" ? 0 : pads[k];
            axis.out = whole - (automatic == "VALID" ? 0 : pads[k] + pads[count_of_axes + k]);
        }
        if (axis.out < 1) {
            refuse(l, fmt::format("axis {} of its result would have {} entries", k + 2, axis.out),
                   "check the pads in the file");
        }
    }
    return axes;
}

/// Of patches (batches, pixels, channels, taps): y (batches, channels, out..).
Windows windows_of(const std::vector<Landing>& landings, Index batches, Index pixels, Index channels,
                   Index taps) {
    Windows windows;
    for (Index batch = 0; batch < batches; ++batch) {
        for (Index o = 0; o < channels; ++o) {
            for (const Landing& landing : landings) {
                for (const auto& [q, k] : landing)
                    windows.from.push_back(((batch * pixels + q) * channels + o) * taps + k);
                windows.begin.push_back(static_cast<Index>(windows.from.size()));
            }
        }
    }
    windows.weight.assign(windows.from.size(), 1);
    return windows;
}

void transposed_convolution(Lowering& l) {
    const Operand& x = l.input(0);
    const Operand& w = l.input(1);
    const Shape kernel = kernel_of(l, w);
    const Index groups = l.integer("group", 1);
    if (x.shape.size() != w.shape.size() || count(x.shape) == 0 || groups < 1 || x.shape[1] != w.shape[0] ||
        w.shape[0] % groups != 0) {
        refuse(l, fmt::format("{} with a weight {} in {} groups", describe(x), shape_text(w.shape), groups),
               "they must be (batch, C, ..) and (C, channels out / groups, ..)");
    }
    const Shape in(x.shape.begin() + 2, x.shape.end());
    const std::vector<Axis> axes = axes_of_node(l, in, kernel);
    const Index batch = x.shape[0], inner = x.shape[1] / groups, channels = w.shape[1];
    const Index pixels = count(in), taps = count(kernel);
    Shape shape{batch, groups * channels};
    for (const Axis& axis : axes) shape.push_back(axis.out);
    count(shape);
    const Operand patches = matmul(l.builder, reshaped(x, {batch, groups, inner, pixels}),
                                   reshaped(w, {groups, inner, channels * taps}), 1, true);
    Windows windows = windows_of(landings_of(axes), batch * groups, pixels, channels, taps);
    give(l, with_bias(l, combine(l.builder, patches, std::move(windows), shape), groups * channels));
}

constexpr std::array table{Entry{"ConvTranspose", transposed_convolution}};

}  // namespace

std::span<const Entry> transposed_convolution_operators() {
    return table;
}

}  // namespace tangram::onnx_file
