// Entries in other places: joined, cut, padded, repeated.

#include "lowering.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

Operand arrange_one(const Lowering& l, const Operand& x, std::vector<Index> from, Shape shape,
                    double fill = 0) {
    return arrange(l.builder, std::span(&x, 1), std::move(from), std::move(shape), fill);
}

/// Entry i of axis k of the result is entry places[k][i] of that axis of x; -1: none, `fill`.
Operand place(const Lowering& l, const Operand& x, const std::vector<std::vector<Index>>& places,
              double fill = 0) {
    Shape shape(places.size());
    std::transform(places.begin(), places.end(), shape.begin(),
                   [](const std::vector<Index>& of_axis) { return static_cast<Index>(of_axis.size()); });
    const Shape strides = strides_of(x.shape);
    count(shape);
    std::vector<Index> from{0};
    for (std::size_t k = 0; k < places.size(); ++k) {
        std::vector<Index> longer;
        longer.reserve(from.size() * places[k].size());
        for (const Index before : from) {
            for (const Index i : places[k])
                longer.push_back(before < 0 || i < 0 ? -1 : before + i * strides[k]);
        }
        from = std::move(longer);
    }
    return arrange_one(l, x, std::move(from), std::move(shape), fill);
}

/// 0, 1, .. of every axis: what is not cut or padded.
std::vector<std::vector<Index>> all_places(const Shape& shape) {
    std::vector<std::vector<Index>> places(shape.size());
    for (std::size_t k = 0; k < shape.size(); ++k) {
        places[k].resize(at(shape[k]));
        std::iota(places[k].begin(), places[k].end(), Index{0});
    }
    return places;
}

/// `steps` entries from `start` on, by `step`.
std::vector<Index> run(Index start, Index step, Index steps) {
    std::vector<Index> places(at(steps));
    for (Index i = 0; i < steps; ++i) places[at(i)] = start + i * step;
    return places;
}

void concat(Lowering& l) {
    const Index axis = axis_of(l, l.integer("axis", 0), axes_in(l.input(0)));
    Shape shape = l.input(0).shape;
    shape[at(axis)] = 0;
    std::vector<Operand> inputs;
    for (std::size_t k = 0; k < l.inputs.size(); ++k) {
        inputs.push_back(l.input(k));
        Shape others = inputs.back().shape;
        const Index length = at(axis) < others.size() ? others[at(axis)] : 0;
        if (at(axis) < others.size()) others[at(axis)] = shape[at(axis)];
        if (others != shape) {
            refuse(l,
                   fmt::format("{} does not fit the first, {}", describe(inputs.back()), describe(inputs[0])),
                   "check the shapes in the file");
        }
        shape[at(axis)] += length;
        count(shape);
    }
    // Row by row: the entries from the axis on of each input follow each other.
    const Index rows = count({shape.begin(), shape.begin() + axis});
    std::vector<Index> from;
    from.reserve(at(count(shape)));
    for (Index row = 0; row < rows; ++row) {
        Index before = 0;
        for (const Operand& x : inputs) {
            const Index size = count(x.shape);
            const Index length = size / rows;
            for (Index j = 0; j < length; ++j) from.push_back(before + row * length + j);
            before += size;
        }
    }
    give(l, arrange(l.builder, inputs, std::move(from), std::move(shape)));
}

/// Lengths of the parts that an axis of `length` is cut into: given, or equal but for a last one that is shorter.
std::vector<Index> parts_of(const Lowering& l, Index length) {
    std::optional<std::vector<Index>> given = l.list("split");
    if (!given && l.has(1)) given = l.integers(1, "the list of lengths");
    if (given) return *given;
    const Index parts = l.integer("num_outputs", static_cast<Index>(l.node.outputs.size()));
    if (parts != static_cast<Index>(l.node.outputs.size()) || parts == 0) {
        refuse(l, fmt::format("it has {} outputs and num_outputs {}", l.node.outputs.size(), parts),
               "export the model again");
    }
    const Index most = (length + parts - 1) / parts;
    std::vector<Index> lengths(at(parts), most);
    lengths.back() = length - most * (parts - 1);
    return lengths;
}

void split(Lowering& l) {
    const Operand& x = l.input(0);
    const Index axis = axis_of(l, l.integer("axis", 0), axes_in(x));
    const Index length = x.shape[at(axis)];
    const std::vector<Index> parts = parts_of(l, length);
    Index sum = 0;
    for (const Index part : parts) {
        if (part < 0 || part > length - sum) sum = length + 1;
        if (sum <= length) sum += part;
    }
    if (sum != length || parts.size() < l.node.outputs.size()) {
        refuse(l, fmt::format("axis {} of {} is split into {}", axis, describe(x), shape_text(parts)),
               "the parts must be as many as the outputs and as long together as the axis");
    }
    Index first = 0;
    for (const Index part : parts) {
        std::vector<std::vector<Index>> places = all_places(x.shape);
        places[at(axis)] = run(first, 1, part);
        give(l, place(l, x, places));
        first += part;
    }
}

/// Places start, start + step, .. before `end` of an axis: counted from its end where negative, clamped to it.
std::vector<Index> slice_places(const Lowering& l, Index start, Index end, Index step, Index length) {
    if (step == 0) refuse(l, "it has a step of 0", "check the steps in the file");
    if (length == 0) return {};
    const Index below = step > 0 ? 0 : 1;
    const auto from_begin = [&](Index i) { return i < 0 ? i + length : i; };
    start = std::clamp(from_begin(start), Index{0}, length - below);
    end = std::clamp(from_begin(end), -below, length - below);
    const Index distance = step > 0 ? end - start : start - end;
    if (distance <= 0) return {};
    // The step may be as far as 2^63: a distance is compared with it, never added.
    const Index steps =
        step > 0 ? (distance - 1) / step + 1 : (step < -distance ? 1 : (distance - 1) / -step + 1);
    return run(start, steps == 1 ? 1 : step, steps);
}

void slice(Lowering& l) {
    const Operand& x = l.input(0);
    const bool by_attributes = l.opset < 10;
    const auto list = [&](const char* name, std::size_t k) {
        return by_attributes ? l.list(name) : l.has(k) ? std::optional(l.integers(k, name)) : std::nullopt;
    };
    const std::vector<Index> starts = list("starts", 1).value_or(std::vector<Index>{});
    const std::vector<Index> ends = list("ends", 2).value_or(std::vector<Index>{});
    std::vector<Index> axes(starts.size());
    std::iota(axes.begin(), axes.end(), Index{0});
    axes = list("axes", 3).value_or(axes);
    const std::vector<Index> steps = list("steps", 4).value_or(std::vector<Index>(starts.size(), 1));
    if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
        refuse(l, "starts, ends, axes and steps are not equally many", "export the model again");
    }
    std::vector<std::vector<Index>> places = all_places(x.shape);
    for (std::size_t k = 0; k < starts.size(); ++k) {
        const Index axis = axis_of(l, axes[k], axes_in(x));
        places[at(axis)] = slice_places(l, starts[k], ends[k], steps[k], x.shape[at(axis)]);
    }
    give(l, place(l, x, places));
}

enum class Padding { constant, reflect, edge, wrap };

/// Where entry i of a padded axis comes from, i from before - padding on.
Index padded_from(Padding padding, Index i, Index length) {
    if (i >= 0 && i < length) return i;
    if (padding == Padding::constant) return -1;
    if (padding == Padding::edge) return i < 0 ? 0 : length - 1;
    if (padding == Padding::wrap) return (i % length + length) % length;
    return i < 0 ? -i : 2 * (length - 1) - i;
}

Padding padding_of(const Lowering& l) {
    const std::string mode = l.text("mode", "constant");
    if (mode == "constant") return Padding::constant;
    if (mode == "reflect") return Padding::reflect;
    if (mode == "edge") return Padding::edge;
    if (mode == "wrap") return Padding::wrap;
    refuse(l, fmt::format("its mode is '{}'", printable(mode)),
           "only constant, reflect, edge and wrap are known");
}

std::vector<Index> padded_places(const Lowering& l, Padding padding, Index before, Index after,
                                 Index length) {
    constexpr Index most = Index{1} << 31;
    const bool fits =
        std::max(before, after) <= most && std::min(before, after) >= -most && length + before + after >= 0;
    const bool mirrors = padding != Padding::reflect || (before < length && after < length);
    const bool has_edge = length > 0 || (padding != Padding::edge && padding != Padding::wrap);
    if (!fits || !mirrors || !has_edge) {
        refuse(l, fmt::format("an axis of {} is padded by {} and {}", length, before, after),
               "check the pads in the file");
    }
    std::vector<Index> places(at(count({length + before + after})));
    for (std::size_t i = 0; i < places.size(); ++i) {
        places[i] = padded_from(padding, static_cast<Index>(i) - before, length);
    }
    return places;
}

void pad(Lowering& l) {
    const Operand& x = l.input(0);
    const bool by_attributes = l.opset < 11;
    const std::vector<Index> pads =
        by_attributes ? l.list("pads").value_or(std::vector<Index>{}) : l.integers(1, "pads");
    const double fill = by_attributes ? l.number("value", 0)
                        : l.has(2)    ? number_of(l, 2, "the value around")
                                      : 0;
    std::vector<Index> axes(x.shape.size());
    std::iota(axes.begin(), axes.end(), Index{0});
    if (l.has(3)) axes = l.integers(3, "the list of axes");
    if (pads.size() != 2 * axes.size()) {
        refuse(l, fmt::format("it has {} pads for {} axes", pads.size(), axes.size()),
               "export the model again");
    }
    const Padding padding = padding_of(l);
    std::vector<std::vector<Index>> places = all_places(x.shape);
    for (std::size_t k = 0; k < axes.size(); ++k) {
        const Index axis = axis_of(l, axes[k], axes_in(x));
        places[at(axis)] = padded_places(l, padding, pads[k], pads[axes.size() + k], x.shape[at(axis)]);
    }
    give(l, place(l, x, places, fill));
}

void expand(Lowering& l) {
    const Operand& x = l.input(0);
    give(l, broadcast(l.builder, x, broadcast_shape(x.shape, l.integers(1, "its shape"))));
}

void tile(Lowering& l) {
    const Operand& x = l.input(0);
    const std::vector<Index> repeats = l.integers(1, "repeats");
    if (repeats.size() != x.shape.size()) {
        refuse(l, fmt::format("it has {} repeats for {}", repeats.size(), describe(x)),
               "export the model again");
    }
    std::vector<std::vector<Index>> places(repeats.size());
    for (std::size_t k = 0; k < repeats.size(); ++k) {
        places[k].resize(at(count({repeats[k], x.shape[k]})));
        for (std::size_t i = 0; i < places[k].size(); ++i) places[k][i] = static_cast<Index>(i) % x.shape[k];
    }
    give(l, place(l, x, places));
}

constexpr std::array table{
    Entry{"Concat", concat}, Entry{"Expand", expand}, Entry{"Pad", pad},
    Entry{"Slice", slice},   Entry{"Split", split},   Entry{"Tile", tile},
};

}  // namespace

std::span<const Entry> arranging_operators() {
    return table;
}

}  // namespace tangram::onnx_file
