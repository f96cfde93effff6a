// Resize and Upsample: an entry of the result is a sum of entries of the input around the place that it comes from, with weights
// that are the products of those along each axis.

#include "lowering.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

namespace tangram::onnx_file {

namespace {

/// From `in` to `out` entries of an axis; scale is out / in, or what the file says that it is.
struct Axis {
    Index in = 1, out = 1;
    double scale = 1;
};

/// Where output i of an axis comes from, as a number of entries from the first on.
using Place = double (*)(const Axis&, double i);

double half_pixel(const Axis& axis, double i) {
    return (i + 0.5) / axis.scale - 0.5;
}

double half_pixel_of_several(const Axis& axis, double i) {
    return axis.out > 1 ? half_pixel(axis, i) : 0;
}

double half_pixel_about_center(const Axis& axis, double i) {
    const auto in = static_cast<double>(axis.in);
    return in / 2 * (1 - static_cast<double>(axis.out) / (in * axis.scale)) + half_pixel(axis, i);
}

double asymmetric(const Axis& axis, double i) {
    return i / axis.scale;
}

double align_corners(const Axis& axis, double i) {
    return axis.out == 1 ? 0 : i * static_cast<double>(axis.in - 1) / static_cast<double>(axis.out - 1);
}

Place place_of(const Lowering& l) {
    if (l.opset < 11) return asymmetric;
    const std::map<std::string, Place> places{{"half_pixel", half_pixel},
                                              {"pytorch_half_pixel", half_pixel_of_several},
                                              {"half_pixel_symmetric", half_pixel_about_center},
                                              {"align_corners", align_corners},
                                              {"asymmetric", asymmetric}};
    const std::string mode = l.text("coordinate_transformation_mode", "half_pixel");
    const auto found = places.find(mode);
    if (found == places.end()) {
        refuse(
            l, fmt::format("its coordinate_transformation_mode is '{}'", printable(mode)),
            "only half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners and asymmetric are known");
    }
    return found->second;
}

/// Entries of an axis with their weights.
using Taps = std::map<Index, double>;

Taps nearest(const Lowering& l, double x) {
    const std::string rule = l.text("nearest_mode", l.opset < 11 ? "floor" : "round_prefer_floor");
    double place = 0;
    if (rule == "floor") {
        place = std::floor(x);
    } else if (rule == "ceil") {
        place = std::ceil(x);
    } else if (rule == "round_prefer_floor") {
        place = std::ceil(x - 0.5);
    } else if (rule == "round_prefer_ceil") {
        place = std::floor(x + 0.5);
    } else {
        refuse(l, fmt::format("its nearest_mode is '{}'", printable(rule)),
               "only round_prefer_floor, round_prefer_ceil, floor and ceil are known");
    }
    return {{static_cast<Index>(place), 1}};
}

Taps linear(const Lowering&, double x) {
    const double first = std::floor(x);
    const auto i = static_cast<Index>(first);
    return {{i, 1 - (x - first)}, {i + 1, x - first}};
}

/// Keys' convolution of four entries.
Taps cubic(const Lowering& l, double x) {
    const double a = l.number("cubic_coeff_a", -0.75);
    const double first = std::floor(x);
    Taps taps;
    for (Index k = -1; k <= 2; ++k) {
        const double d = std::abs(x - first - static_cast<double>(k));
        taps[static_cast<Index>(first) + k] =
            d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
    return taps;
}

using Interpolate = Taps (*)(const Lowering&, double);

Interpolate interpolation_of(const Lowering& l) {
    const std::string mode = l.text("mode", "nearest");
    if (mode == "nearest") return nearest;
    if (mode == "linear") return linear;
    if (mode == "cubic" && l.node.op_type == "Resize") return cubic;
    refuse(l, fmt::format("its mode is '{}'", printable(mode)), "only nearest, linear and cubic are known");
}

/// What lies outside is the entry at the end, or, where `excluded`, nothing, the others' weights being 1 together.
Taps inside(const Taps& taps, const Axis& axis, bool excluded) {
    Taps kept;
    double sum = 0;
    for (const auto& [i, weight] : taps) {
        const Index clamped = std::clamp(i, Index{0}, axis.in - 1);
        if (weight == 0 || (excluded && clamped != i)) continue;
        kept[clamped] += weight;
        sum += weight;
    }
    for (auto& tap : kept) tap.second = excluded ? tap.second / sum : tap.second;
    return kept;
}

/// [output] of an axis.
std::vector<Taps> taps_along(const Lowering& l, const Axis& axis) {
    std::vector<Taps> taps(at(axis.out));
    if (axis.in == axis.out && axis.scale == 1) {  // not resized, whatever the mode
        for (Index i = 0; i < axis.out; ++i) taps[at(i)] = {{i, 1}};
        return taps;
    }
    const Place place = place_of(l);
    const Interpolate interpolate = interpolation_of(l);
    const bool excluded = l.integer("exclude_outside", 0) != 0;
    for (Index i = 0; i < axis.out; ++i)
        taps[at(i)] = inside(interpolate(l, place(axis, static_cast<double>(i))), axis, excluded);
    return taps;
}

/// The windows of all axes together.
Windows windows_of(const Lowering& l, const std::vector<Axis>& axes) {
    using Window = std::vector<std::pair<Index, double>>;
    std::vector<Window> all{{{0, 1}}};
    for (const Axis& axis : axes) {
        std::vector<Window> longer;
        const std::vector<Taps> along = taps_along(l, axis);
        longer.reserve(all.size() * along.size());
        for (const Window& window : all) {
            for (const Taps& taps : along) {
                Window& both = longer.emplace_back();
                for (const auto& [before, weight] : window) {
                    for (const auto& [i, weight_here] : taps)
                        both.emplace_back(before * axis.in + i, weight * weight_here);
                }
            }
        }
        all = std::move(longer);
    }
    Windows windows;
    for (const Window& window : all) {
        for (const auto& [from, weight] : window) {
            windows.from.push_back(from);
            windows.weight.push_back(weight);
        }
        windows.begin.push_back(static_cast<Index>(windows.from.size()));
    }
    return windows;
}

/// Input k, one number for each of the axes that are resized; nothing where it is left out or empty.
std::optional<std::vector<double>> given(const Lowering& l, std::size_t k, std::size_t axes,
                                         const char* what) {
    if (!l.has(k) || count(l.input(k).shape) == 0) return std::nullopt;
    std::vector<double> numbers = l.numbers(k, what);
    if (numbers.size() != axes) {
        refuse(l, fmt::format("it has {} {} for {} axes", numbers.size(), what, axes),
               "export the model again");
    }
    return numbers;
}

std::vector<Axis> axes_of_node(const Lowering& l) {
    const Operand& x = l.input(0);
    const auto all = static_cast<Index>(x.shape.size());
    std::vector<Index> resized(x.shape.size());
    std::iota(resized.begin(), resized.end(), Index{0});
    resized = l.list("axes").value_or(resized);
    const bool is_new = l.opset >= 11;
    const auto scales = given(l, is_new ? 2 : 1, resized.size(), "scales");
    const auto sizes = is_new ? given(l, 3, resized.size(), "sizes") : std::nullopt;
    if (scales.has_value() == sizes.has_value())
        refuse(l, "it must have either scales or sizes", "export the model again");
    std::vector<Axis> axes;
    for (const Index length : x.shape) axes.push_back({length, length, 1});
    for (std::size_t k = 0; k < resized.size(); ++k) {
        Axis& axis = axes[at(axis_of(l, resized[k], all))];
        const auto in = static_cast<double>(axis.in);
        const double out = scales ? std::floor(in * (*scales)[k]) : (*sizes)[k];
        if (!(out >= 1 && out <= 2147483648.0)) {
            refuse(l, fmt::format("an axis of {} would have {} entries", axis.in, out),
                   "check the scales in the file");
        }
        axis = {axis.in, static_cast<Index>(out), scales ? (*scales)[k] : out / in};
    }
    return axes;
}

void resize(Lowering& l) {
    const Operand& x = l.input(0);
    if (l.integer("antialias", 0) != 0) refuse(l, "antialias is 1", "export it without");
    const std::string policy = l.text("keep_aspect_ratio_policy", "stretch");
    if (policy != "stretch") {
        refuse(l, fmt::format("its keep_aspect_ratio_policy is '{}'", printable(policy)),
               "only stretch is known");
    }
    const std::vector<Axis> axes = axes_of_node(l);
    Shape shape;
    for (const Axis& axis : axes) shape.push_back(axis.out);
    count(shape);
    if (count(x.shape) == 0) refuse(l, describe(x), "it must have entries");
    Windows windows = windows_of(l, axes);
    const bool moves_only =
        static_cast<Index>(windows.from.size()) == windows.outputs() &&
        std::all_of(windows.weight.begin(), windows.weight.end(), [](double weight) { return weight == 1; });
    give(l, moves_only ? arrange(l.builder, std::span(&x, 1), std::move(windows.from), std::move(shape))
                       : combine(l.builder, x, std::move(windows), std::move(shape)));
}

constexpr std::array table{Entry{"Resize", resize}, Entry{"Upsample", resize}};

}  // namespace

std::span<const Entry> resizing_operators() {
    return table;
}

}  // namespace tangram::onnx_file
