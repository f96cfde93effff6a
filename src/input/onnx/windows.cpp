#include "windows.hpp"

#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tangram::onnx_file {

namespace {

constexpr Index most = Index{1} << 31;

/// Padding by which the outputs are as many as the inputs, or as inputs / stride.
void pad_same(Sweep& sweep, bool more_before) {
    for (std::size_t k = 0; k < sweep.in.size(); ++k) {
        const Index outputs = (sweep.in[k] + sweep.strides[k] - 1) / sweep.strides[k];
        const Index seen = (outputs - 1) * sweep.strides[k] + sweep.dilations[k] * (sweep.kernel[k] - 1) + 1;
        const Index padding = std::max(seen - sweep.in[k], Index{0});
        sweep.before[k] = more_before ? padding - padding / 2 : padding / 2;
        sweep.after[k] = padding - sweep.before[k];
    }
}

void pad(const Lowering& l, Sweep& sweep) {
    const std::size_t axes = sweep.in.size();
    const std::string automatic = l.text("auto_pad", "NOTSET");
    sweep.before = sweep.after = Shape(axes, 0);
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
        pad_same(sweep, automatic == "SAME_LOWER");
    } else if (automatic == "NOTSET") {
        const Shape pads = list_of(l, "pads", 2 * axes, 0, 0);
        std::copy_n(pads.begin(), axes, sweep.before.begin());
        std::copy_n(pads.begin() + static_cast<Index>(axes), axes, sweep.after.begin());
    } else if (automatic != "VALID") {
        refuse(l, fmt::format("auto_pad is '{}'", printable(automatic)),
               "it must be NOTSET, VALID, SAME_UPPER or SAME_LOWER");
    }
}

Index outputs_of(const Lowering& l, const Sweep& sweep, std::size_t k, bool rounds_up) {
    const Index padded = sweep.in[k] + sweep.before[k] + sweep.after[k];
    const Index room = padded - (sweep.dilations[k] * (sweep.kernel[k] - 1) + 1);
    if (room < 0) {
        refuse(l,
               fmt::format("a kernel of {} with dilation {} is larger than axis {} of {} with padding",
                           sweep.kernel[k], sweep.dilations[k], k + 2, padded),
               "check the shapes in the file");
    }
    const Index stride = sweep.strides[k];
    if (!rounds_up) return room / stride + 1;
    const Index outputs = (room + stride - 1) / stride + 1;
    return (outputs - 1) * stride >= sweep.in[k] + sweep.before[k] ? outputs - 1 : outputs;
}

}  // namespace

Shape list_of(const Lowering& l, const char* name, std::size_t length, Index fallback, Index least) {
    Shape list = l.list(name).value_or(Shape(length, fallback));
    const bool fits = std::all_of(list.begin(), list.end(), [=](Index i) { return i >= least && i <= most; });
    if (list.size() != length || !fits) {
        refuse(l, fmt::format("{} is {}", name, shape_text(list)),
               fmt::format("it must be {} numbers from {} on", length, least));
    }
    return list;
}

Shape kernel_of(const Lowering& l, const Operand& w) {
    if (w.shape.size() < 3 || count(w.shape) == 0) {
        refuse(l, fmt::format("its weight has the shape {}", shape_text(w.shape)),
               "it must be (channels, channels / groups, ..)");
    }
    Shape kernel(w.shape.begin() + 2, w.shape.end());
    if (l.list("kernel_shape").value_or(kernel) != kernel) {
        refuse(l,
               fmt::format("its kernel_shape is {}, its weight has the shape {}",
                           shape_text(*l.list("kernel_shape")), shape_text(w.shape)),
               "export the model again");
    }
    return kernel;
}

Operand with_bias(const Lowering& l, const Operand& y, Index channels) {
    if (!l.has(2)) return y;
    const Operand& bias = l.input(2);
    if (bias.shape != Shape{channels}) {
        refuse(l, fmt::format("its bias has the shape {}", shape_text(bias.shape)),
               fmt::format("it must be ({})", channels));
    }
    Shape along(y.shape.size() - 1, 1);
    along[0] = channels;
    return add(l.builder, y, reshaped(bias, std::move(along)));
}

Sweep sweep_of(const Lowering& l, const Operand& x, Shape kernel, bool rounds_up) {
    const std::size_t axes = kernel.size();
    if (axes < 1 || axes > 3 || x.shape.size() != axes + 2 || count(x.shape) == 0) {
        refuse(l, fmt::format("{} for a kernel {}", describe(x), shape_text(kernel)),
               "it must be (batch, channels, ..) with one to three axes more");
    }
    if (std::any_of(kernel.begin(), kernel.end(), [](Index size) { return size < 1 || size > most; })) {
        refuse(l, fmt::format("its kernel is {}", shape_text(kernel)), "check the shapes in the file");
    }
    Sweep sweep;
    sweep.in.assign(x.shape.begin() + 2, x.shape.end());
    sweep.kernel = std::move(kernel);
    sweep.strides = list_of(l, "strides", axes, 1, 1);
    sweep.dilations = list_of(l, "dilations", axes, 1, 1);
    pad(l, sweep);
    for (std::size_t k = 0; k < axes; ++k) sweep.out.push_back(outputs_of(l, sweep, k, rounds_up));
    return sweep;
}

Windows windows_over(const Shape& shape, std::span<const Index> axes, double weight) {
    const Shape strides = strides_of(shape);
    Shape left, left_strides, going, going_strides;
    for (std::size_t k = 0; k < shape.size(); ++k) {
        const bool goes = std::binary_search(axes.begin(), axes.end(), static_cast<Index>(k));
        (goes ? going : left).push_back(shape[k]);
        (goes ? going_strides : left_strides).push_back(strides[k]);
    }
    const std::vector<Index> inside = strided(going, going_strides);
    if (inside.empty()) throw ShapeError("there is nothing to take together", "check the shapes in the file");
    Windows windows;
    windows.from.reserve(at(count(shape)));
    for (const Index first : strided(left, left_strides)) {
        for (const Index j : inside) windows.from.push_back(first + j);
        windows.begin.push_back(static_cast<Index>(windows.from.size()));
    }
    windows.weight.assign(windows.from.size(), weight);
    return windows;
}

}  // namespace tangram::onnx_file
