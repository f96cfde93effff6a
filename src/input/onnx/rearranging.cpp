// Entries in other places, by blocks, triangles and lists of indices; and running sums, which add what was moved.

#include "lowering.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

Operand arrange_one(const Lowering& l, const Operand& x, std::vector<Index> from, Shape shape) {
    return arrange(l.builder, std::span(&x, 1), std::move(from), std::move(shape));
}

/// x (N, C, H, W) and the block, which is part of `divided` axes.
Index block_of(const Lowering& l, const Operand& x) {
    const Index block = l.integer("blocksize", 0);
    if (x.shape.size() != 4 || block < 1)
        refuse(l, fmt::format("{} with blocks of {}", describe(x), block), "it must be (batch, C, H, W)");
    return block;
}

[[noreturn]] void refuse_blocks(const Lowering& l, Index block) {
    refuse(l, fmt::format("{} with blocks of {}", describe(l.input(0)), block),
           "check the shapes in the file");
}

/// The channels of a pixel become a block of pixels.
void depth_to_space(Lowering& l) {
    const Operand& x = l.input(0);
    const Index b = block_of(l, x);
    const std::string mode = l.text("mode", "DCR");
    if (mode != "DCR" && mode != "CRD")
        refuse(l, fmt::format("its mode is '{}'", printable(mode)), "it must be DCR or CRD");
    if (x.shape[1] % (b * b) != 0) refuse_blocks(l, b);
    const Index N = x.shape[0], C = x.shape[1] / (b * b), H = x.shape[2], W = x.shape[3];
    const bool by_column = mode == "CRD";
    const Operand blocks = reshaped(x, by_column ? Shape{N, C, b, b, H, W} : Shape{N, b, b, C, H, W});
    const std::array<Index, 6> axes =
        by_column ? std::array<Index, 6>{0, 1, 4, 2, 5, 3} : std::array<Index, 6>{0, 3, 4, 1, 5, 2};
    give(l, reshaped(transposed(l.builder, blocks, axes), {N, C, H * b, W * b}));
}

void space_to_depth(Lowering& l) {
    const Operand& x = l.input(0);
    const Index b = block_of(l, x);
    if (x.shape[2] % b != 0 || x.shape[3] % b != 0) refuse_blocks(l, b);
    const Index N = x.shape[0], C = x.shape[1], H = x.shape[2] / b, W = x.shape[3] / b;
    const std::array<Index, 6> axes{0, 3, 5, 1, 2, 4};
    give(l, reshaped(transposed(l.builder, reshaped(x, {N, C, H, b, W, b}), axes), {N, C * b * b, H, W}));
}

/// 0 below, or above, a diagonal of the last two axes.
void triangle(Lowering& l) {
    const Operand& x = l.input(0);
    if (x.shape.size() < 2) refuse(l, describe(x), "it must be a matrix, or several");
    const Index k = l.has(1) ? l.integers(1, "the diagonal").at(0) : 0;
    const bool upper = l.integer("upper", 1) != 0;
    const Index rows = x.shape[x.shape.size() - 2], cols = x.shape.back();
    std::vector<Index> from(at(count(x.shape)));
    for (std::size_t j = 0; j < from.size(); ++j) {
        const auto entry = static_cast<Index>(j);
        const Index above = entry % cols - entry / cols % rows;
        from[j] = (upper ? above >= k : above <= k) ? entry : -1;
    }
    give(l, arrange_one(l, x, std::move(from), x.shape));
}

/// x moved by `steps` along an axis, towards its end or its begin; 0 where nothing comes from.
Operand moved(const Lowering& l, const Operand& x, Index axis, Index steps) {
    const Index stride = strides_of(x.shape)[at(axis)];
    const Index length = x.shape[at(axis)];
    std::vector<Index> from(at(count(x.shape)));
    for (std::size_t j = 0; j < from.size(); ++j) {
        const Index i = static_cast<Index>(j) / stride % length - steps;
        from[j] = i < 0 || i >= length ? -1 : static_cast<Index>(j) - steps * stride;
    }
    return arrange_one(l, x, std::move(from), x.shape);
}

/// After each of log2(length) steps an entry is the sum of twice as many as before.
void running_sum(Lowering& l) {
    Operand sum = l.input(0);
    const Index axis = axis_of(l, l.integers(1, "its axis").at(0), static_cast<Index>(sum.shape.size()));
    const Index direction = l.integer("reverse", 0) != 0 ? -1 : 1;
    if (l.integer("exclusive", 0) != 0) sum = moved(l, sum, axis, direction);
    for (Index steps = 1; steps < sum.shape[at(axis)]; steps *= 2)
        sum = add(l.builder, sum, moved(l, sum, axis, direction * steps));
    give(l, std::move(sum));
}

/// The first entries of each sequence, as many as it is long, backwards.
void reverse_sequence(Lowering& l) {
    const Operand& x = l.input(0);
    const auto axes = static_cast<Index>(x.shape.size());
    const Index batch = axis_of(l, l.integer("batch_axis", 1), axes);
    const Index time = axis_of(l, l.integer("time_axis", 0), axes);
    const std::vector<Index> lengths = l.integers(1, "the lengths of its sequences");
    const Shape strides = strides_of(x.shape);
    if (static_cast<Index>(lengths.size()) != x.shape[at(batch)])
        refuse(l, describe(x), "export the model again");
    std::vector<Index> from(at(count(x.shape)));
    for (std::size_t j = 0; j < from.size(); ++j) {
        const auto entry = static_cast<Index>(j);
        const Index length = lengths[at(entry / strides[at(batch)] % x.shape[at(batch)])];
        const Index t = entry / strides[at(time)] % x.shape[at(time)];
        if (length < 0 || length > x.shape[at(time)])
            refuse(l, fmt::format("a sequence of {} in {}", length, describe(x)),
                   "check the lengths in the file");
        from[j] = t < length ? entry + (length - 1 - 2 * t) * strides[at(time)] : entry;
    }
    give(l, arrange_one(l, x, std::move(from), x.shape));
}

constexpr std::array table{
    Entry{"CumSum", running_sum},
    Entry{"DepthToSpace", depth_to_space},
    Entry{"ReverseSequence", reverse_sequence},
    Entry{"SpaceToDepth", space_to_depth},
    Entry{"Trilu", triangle},
};

}  // namespace

std::span<const Entry> rearranging_operators() {
    return table;
}

}  // namespace tangram::onnx_file
