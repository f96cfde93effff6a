// Pools: windows that a kernel sweeps over, and those over all of the spatial axes. Of equal largest entries of a pool the first
// has the derivative.

#include "windows.hpp"

#include <fmt/format.h>

#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

/// What one output of one axis sees: places in the input, and how many places there are with the padding.
struct Seen {
    std::vector<Index> places;
    Index with_padding = 0;
};

std::vector<Seen> seen_along(const Sweep& sweep, std::size_t k) {
    count({sweep.out[k], sweep.kernel[k]});
    std::vector<Seen> seen(at(sweep.out[k]));
    for (Index o = 0; o < sweep.out[k]; ++o) {
        for (Index j = 0; j < sweep.kernel[k]; ++j) {
            const Index i = o * sweep.strides[k] + j * sweep.dilations[k] - sweep.before[k];
            if (i >= sweep.in[k] + sweep.after[k]) break;
            if (i >= 0 && i < sweep.in[k]) seen[at(o)].places.push_back(i);
            ++seen[at(o)].with_padding;
        }
    }
    return seen;
}

/// Of one channel: its outputs are taken axis by axis, each with all combinations of what its axes see.
struct Window {
    std::vector<Index> from{0};
    Index with_padding = 1;
};

std::vector<Window> windows_of_channel(const Sweep& sweep) {
    std::vector<Window> windows(1);
    for (std::size_t k = 0; k < sweep.in.size(); ++k) {
        const std::vector<Seen> seen = seen_along(sweep, k);
        std::vector<Window> longer;
        longer.reserve(windows.size() * seen.size());
        for (const Window& window : windows) {
            for (const Seen& along : seen) {
                Window both{{}, window.with_padding * along.with_padding};
                for (const Index before : window.from) {
                    for (const Index i : along.places) both.from.push_back(before * sweep.in[k] + i);
                }
                longer.push_back(std::move(both));
            }
        }
        windows = std::move(longer);
    }
    return windows;
}

Shape output_shape(const Operand& x, const Sweep& sweep) {
    Shape shape(x.shape.begin(), x.shape.begin() + 2);
    shape.insert(shape.end(), sweep.out.begin(), sweep.out.end());
    return shape;
}

/// The windows of all channels; an entry's weight is 1 / entries, those of the padding counted or not.
Windows windows_of(const Lowering& l, const Operand& x, const Sweep& sweep, bool counts_padding) {
    Shape all = output_shape(x, sweep);
    all.insert(all.end(), sweep.kernel.begin(), sweep.kernel.end());
    count(all);
    const std::vector<Window> of_channel = windows_of_channel(sweep);
    const Index size = count(sweep.in);
    Windows windows;
    for (Index channel = 0; channel < x.shape[0] * x.shape[1]; ++channel) {
        for (const Window& window : of_channel) {
            if (window.from.empty()) {
                refuse(l, "a window lies in the padding entirely",
                       "give it less padding than its kernel is long");
            }
            const auto inside = static_cast<Index>(window.from.size());
            const Index entries = counts_padding ? window.with_padding : inside;
            for (const Index j : window.from) windows.from.push_back(channel * size + j);
            windows.weight.insert(windows.weight.end(), window.from.size(), 1 / static_cast<double>(entries));
            windows.begin.push_back(static_cast<Index>(windows.from.size()));
        }
    }
    return windows;
}

Sweep sweep_of_pool(const Lowering& l) {
    const auto kernel = l.list("kernel_shape");
    if (!kernel) refuse(l, "it has no kernel_shape", "export the model again");
    return sweep_of(l, l.input(0), *kernel, l.integer("ceil_mode", 0) != 0);
}

void max_pool(Lowering& l) {
    if (names_output(l, 1))
        refuse(l, "its output Indices is asked for", "only the largest entries can be given");
    const Operand& x = l.input(0);
    const Sweep sweep = sweep_of_pool(l);
    give(l, largest(l.builder, x, windows_of(l, x, sweep, false), output_shape(x, sweep), false));
}

void average_pool(Lowering& l) {
    const Operand& x = l.input(0);
    const Sweep sweep = sweep_of_pool(l);
    Windows windows = windows_of(l, x, sweep, l.integer("count_include_pad", 0) != 0);
    give(l, combine(l.builder, x, std::move(windows), output_shape(x, sweep)));
}

/// The spatial axes, and the shape that is left.
struct Spatial {
    std::vector<Index> axes;
    Shape shape;
    Index size = 1;
};

Spatial spatial_of(const Lowering& l) {
    const Operand& x = l.input(0);
    if (x.shape.size() < 3) refuse(l, describe(x), "it must be (batch, channels, ..)");
    Spatial spatial;
    spatial.axes.resize(x.shape.size() - 2);
    std::iota(spatial.axes.begin(), spatial.axes.end(), Index{2});
    spatial.size = count({x.shape.begin() + 2, x.shape.end()});
    spatial.shape.assign(x.shape.size(), 1);
    spatial.shape[0] = x.shape[0];
    spatial.shape[1] = x.shape[1];
    return spatial;
}

void global_average_pool(Lowering& l) {
    const Operand& x = l.input(0);
    Spatial spatial = spatial_of(l);
    Windows windows = windows_over(x.shape, spatial.axes, 1 / static_cast<double>(spatial.size));
    give(l, combine(l.builder, x, std::move(windows), std::move(spatial.shape)));
}

void global_max_pool(Lowering& l) {
    const Operand& x = l.input(0);
    Spatial spatial = spatial_of(l);
    give(l, largest(l.builder, x, windows_over(x.shape, spatial.axes, 1), std::move(spatial.shape), false));
}

/// (sum over each window of |x|^p)^(1/p).
Operand norms(const Lowering& l, Windows windows, Shape shape) {
    const Index p = l.integer("p", 2);
    if (p < 1) refuse(l, fmt::format("p is {}", p), "it must be 1 or more");
    const auto exponent = static_cast<double>(p);
    windows.weight.assign(windows.from.size(), 1);
    const Operand& x = l.input(0);
    const Operand sizes = p % 2 == 0 ? x : apply(l.builder, x, Function::abs);
    const Operand terms = p == 1 ? sizes : apply(l.builder, sizes, Function::power, exponent);
    Operand sum = combine(l.builder, terms, std::move(windows), std::move(shape));
    if (p == 1) return sum;
    return p == 2 ? apply(l.builder, sum, Function::root)
                  : apply(l.builder, sum, Function::power, 1 / exponent);
}

void norm_pool(Lowering& l) {
    const Operand& x = l.input(0);
    const Sweep sweep = sweep_of_pool(l);
    give(l, norms(l, windows_of(l, x, sweep, false), output_shape(x, sweep)));
}

void global_norm_pool(Lowering& l) {
    Spatial spatial = spatial_of(l);
    give(l, norms(l, windows_over(l.input(0).shape, spatial.axes, 1), std::move(spatial.shape)));
}

constexpr std::array table{
    Entry{"AveragePool", average_pool},
    Entry{"GlobalAveragePool", global_average_pool},
    Entry{"GlobalLpPool", global_norm_pool},
    Entry{"GlobalMaxPool", global_max_pool},
    Entry{"LpPool", norm_pool},
    Entry{"MaxPool", max_pool},
};

}  // namespace

std::span<const Entry> pooling_operators() {
    return table;
}

}  // namespace tangram::onnx_file
