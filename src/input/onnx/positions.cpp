// What counts positions: diagonals, places of extremes and of what is not 0.

#include "lowering.hpp"
#include "tangram/support/text.hpp"
#include "windows.hpp"

#include <fmt/format.h>

#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

void eye_like(Lowering& l) {
    const Shape shape = l.input(0).shape;
    if (shape.size() != 2) refuse(l, describe(l.input(0)), "it must be a matrix");
    const Index k = l.integer("k", 0);
    std::vector<double> values(at(count(shape)), 0);
    for (Index i = 0; i < shape[0]; ++i) {
        if (i + k >= 0 && i + k < shape[1]) values[at(i * shape[1] + i + k)] = 1;
    }
    const Index type = l.integer("dtype", 0);
    const bool is_float =
        type == 0 ? l.input(0).type == Type::number : type == 1 || type == 10 || type == 11 || type == 16;
    give(l, constant(shape, std::move(values), is_float ? Type::number : Type::integer));
}

/// The first, or last, place along an axis that has the extreme: the smallest, or largest, of the places where it is.
template <int sign>
void place_of_extreme(Lowering& l) {
    const Operand& x = l.input(0);
    const std::array axes{axis_of(l, l.integer("axis", 0), axes_in(x))};
    const auto axis = at(axes[0]);
    const bool last = l.integer("select_last_index", 0) != 0;
    Shape shape = x.shape;
    shape[axis] = 1;
    const auto largest_of = [&](const Operand& of, double turn) {
        const Operand turned = apply(l.builder, of, Function::affine, turn, 0);
        return apply(l.builder, largest(l.builder, turned, windows_over(x.shape, axes, 1), shape, true),
                     Function::affine, turn, 0);
    };
    const Operand is_there = compare(l.builder, x, largest_of(x, sign), Compare::Relation::equal);
    std::vector<double> counted(at(x.shape[axis]));
    std::iota(counted.begin(), counted.end(), 0.0);
    Shape along(x.shape.size(), 1);
    along[axis] = x.shape[axis];
    const Operand places = constant(along, std::move(counted), Type::integer);
    const double none = last ? -1 : static_cast<double>(x.shape[axis]);
    const Operand found =
        largest_of(choose(l.builder, is_there, places, constant({}, {none}, Type::integer)), last ? 1 : -1);
    if (l.integer("keepdims", 1) == 0) shape.erase(shape.begin() + axes[0]);
    give(l, reshaped(found, std::move(shape)));
}

/// (axes, entries): where a constant is not 0.
void non_zero(Lowering& l) {
    const std::vector<double>& values = constant_of(l, 0, "its input");
    const Shape shape = l.input(0).shape;
    const Shape strides = strides_of(shape);
    std::vector<Index> entries;
    for (std::size_t j = 0; j < values.size(); ++j) {
        if (values[j] != 0) entries.push_back(static_cast<Index>(j));
    }
    std::vector<double> places;
    for (std::size_t k = 0; k < shape.size(); ++k) {
        for (const Index j : entries) places.push_back(static_cast<double>(j / strides[k] % shape[k]));
    }
    give(l, constant({static_cast<Index>(shape.size()), static_cast<Index>(entries.size())},
                     std::move(places), Type::integer));
}

constexpr std::array table{
    Entry{"ArgMax", place_of_extreme<1>},
    Entry{"ArgMin", place_of_extreme<-1>},
    Entry{"EyeLike", eye_like},
    Entry{"NonZero", non_zero},
};

}  // namespace

std::span<const Entry> position_operators() {
    return table;
}

}  // namespace tangram::onnx_file
