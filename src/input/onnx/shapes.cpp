// The same numbers in another shape.

#include "lowering.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

/// The numbers of entries before and from an axis on.
std::array<Index, 2> split_at(const Shape& shape, Index axis) {
    return {count({shape.begin(), shape.begin() + axis}), count({shape.begin() + axis, shape.end()})};
}

/// In the shape that a file asks for, 0 means the same axis of the input (unless allowzero), -1 what is left.
void reshape(Lowering& l) {
    const Operand& x = l.input(0);
    Shape shape = l.integers(1, "its shape");
    const std::string asked = shape_text(shape);
    const bool keeps_zeros = l.integer("allowzero", 0) != 0;
    std::optional<std::size_t> left;
    for (std::size_t k = 0; k < shape.size(); ++k) {
        if (shape[k] == 0 && !keeps_zeros) {
            if (k >= x.shape.size()) {
                refuse(l, fmt::format("0 in the shape {} for an axis that {} lacks", asked, describe(x)),
                       "check the shapes in the file");
            }
            shape[k] = x.shape[k];
        } else if (shape[k] == -1) {
            if (left) refuse(l, fmt::format("the shape {} has -1 twice", asked), "it may have one");
            left = k;
            shape[k] = 1;
        }
    }
    if (left) {
        const Index others = count(shape);
        if (others == 0 || count(x.shape) % others != 0) {
            refuse(l, fmt::format("{} cannot become {}", describe(x), asked),
                   "export the model with a batch of 1, or a dynamic batch axis");
        }
        shape[*left] = count(x.shape) / others;
    }
    give(l, reshaped(x, std::move(shape)));
}

void flatten(Lowering& l) {
    const Operand& x = l.input(0);
    const Index axis = l.integer("axis", 1);
    // Here the axis behind the last is one too.
    const Index split = axis == axes_in(x) ? axis : axis_of(l, axis, axes_in(x));
    const auto [rows, cols] = split_at(x.shape, split);
    give(l, reshaped(x, {rows, cols}));
}

void transpose(Lowering& l) {
    const Operand& x = l.input(0);
    std::vector<Index> reversed(x.shape.size());
    std::iota(reversed.rbegin(), reversed.rend(), Index{0});
    const std::vector<Index> axes = l.list("perm").value_or(reversed);
    if (!std::is_permutation(axes.begin(), axes.end(), reversed.begin(), reversed.end())) {
        refuse(l, fmt::format("perm {} is no order of the axes of {}", shape_text(axes), describe(x)),
               "check the axes in the file");
    }
    give(l, transposed(l.builder, x, axes));
}

void squeeze(Lowering& l) {
    const Operand& x = l.input(0);
    const auto axes = axes_of(l, 1, axes_in(x));
    Shape shape;
    for (Index k = 0; k < axes_in(x); ++k) {
        const Index size = x.shape[at(k)];
        const bool goes = axes ? std::binary_search(axes->begin(), axes->end(), k) : size == 1;
        if (goes && size != 1) {
            refuse(l, fmt::format("axis {} of {} is to go", k, describe(x)), "only axes of 1 can");
        }
        if (!goes) shape.push_back(size);
    }
    give(l, reshaped(x, std::move(shape)));
}

void unsqueeze(Lowering& l) {
    const Operand& x = l.input(0);
    // The axes are those of the result.
    const std::size_t added =
        l.list("axes") ? l.list("axes")->size() : l.integers(1, "the list of axes").size();
    const Index axes = axes_in(x) + static_cast<Index>(added);
    Shape shape = x.shape;
    const std::vector<Index> places = axes_of(l, 1, axes).value_or(std::vector<Index>{});
    for (const Index axis : places) shape.insert(shape.begin() + axis, 1);
    give(l, reshaped(x, std::move(shape)));
}

constexpr std::array table{
    Entry{"Flatten", flatten},     Entry{"Reshape", reshape},     Entry{"Squeeze", squeeze},
    Entry{"Transpose", transpose}, Entry{"Unsqueeze", unsqueeze},
};

}  // namespace

std::span<const Entry> shape_operators() {
    return table;
}

}  // namespace tangram::onnx_file
