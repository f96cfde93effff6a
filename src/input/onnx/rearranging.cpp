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

/// The indices of input k, of an axis of `length`.
std::vector<Index> indices(const Lowering& l, std::size_t k) {
    return l.integers(k, "the list of indices");
}

Index within(const Lowering& l, Index index, Index length) {
    if (index < -length || index >= length) {
        refuse(l, fmt::format("index {} of an axis of {}", index, length), "check the indices in the file");
    }
    return index < 0 ? index + length : index;
}

/// Entries of x, shape `whole`: for each index of `of` (its shape is `places`) that entry of `axis`, the other axes as they are.
std::vector<Index> entries_along(const Lowering& l, const Shape& whole, Index axis, const Shape& places,
                                 const std::vector<Index>& of) {
    bool fits = places.size() == whole.size();
    for (std::size_t k = 0; fits && k < places.size(); ++k) fits = k == at(axis) || places[k] <= whole[k];
    if (!fits) {
        refuse(l, fmt::format("indices {} for {}", shape_text(places), shape_text(whole)),
               "check the shapes in the file");
    }
    Shape strides = strides_of(whole);
    const Index along = strides[at(axis)];
    strides[at(axis)] = 0;
    std::vector<Index> entries = strided(places, strides);
    for (std::size_t j = 0; j < entries.size(); ++j) entries[j] += within(l, of[j], whole[at(axis)]) * along;
    return entries;
}

void gather_elements(Lowering& l) {
    const Operand& x = l.input(0);
    const Index axis = axis_of(l, l.integer("axis", 0), static_cast<Index>(x.shape.size()));
    const Shape shape = l.input(1).shape;
    give(l, arrange_one(l, x, entries_along(l, x.shape, axis, shape, indices(l, 1)), shape));
}

/// Where the parts of x lie that the last axis of input 1 points at, `shared` axes of both being the same: of each its first
/// entry; `part` is their shape.
struct Parts {
    std::vector<Index> first;
    Shape part;
};

Parts parts_at(const Lowering& l, const Shape& whole, Index shared) {
    const Shape& shape = l.input(1).shape;
    const Index depth = shape.empty() ? 0 : shape.back();
    const auto axes = static_cast<Index>(whole.size());
    if (shared < 0 || shared >= static_cast<Index>(shape.size()) || depth < 1 || depth > axes - shared ||
        !std::equal(whole.begin(), whole.begin() + std::min(shared, axes), shape.begin())) {
        refuse(l, fmt::format("indices {} for {}", shape_text(shape), shape_text(whole)),
               "check the shapes in the file");
    }
    const std::vector<Index> list = indices(l, 1);
    const Shape strides = strides_of(whole);
    Parts parts{{}, {whole.begin() + shared + depth, whole.end()}};
    const Index batches = count({whole.begin(), whole.begin() + shared});
    const Index size = count(whole) / std::max(batches, Index{1});
    const Index points = static_cast<Index>(list.size()) / depth;
    for (Index p = 0; p < points; ++p) {
        Index first = p / std::max(points / std::max(batches, Index{1}), Index{1}) * size;
        for (Index k = 0; k < depth; ++k)
            first += within(l, list[at(p * depth + k)], whole[at(shared + k)]) * strides[at(shared + k)];
        parts.first.push_back(first);
    }
    return parts;
}

/// All entries of the parts, one after the other.
std::vector<Index> entries_of(const Parts& parts) {
    const Index size = count(parts.part);
    std::vector<Index> entries;
    entries.reserve(parts.first.size() * at(size));
    for (const Index first : parts.first) {
        for (Index j = 0; j < size; ++j) entries.push_back(first + j);
    }
    return entries;
}

void gather_points(Lowering& l) {
    const Operand& x = l.input(0);
    const Parts parts = parts_at(l, x.shape, l.integer("batch_dims", 0));
    Shape shape(l.input(1).shape.begin(), l.input(1).shape.end() - 1);
    shape.insert(shape.end(), parts.part.begin(), parts.part.end());
    give(l, arrange_one(l, x, entries_of(parts), std::move(shape)));
}

/// x with input 2 at these entries: instead of what is there, where the last of several stays, or added to it.
void put(Lowering& l, const std::vector<Index>& entries) {
    const Operand& x = l.input(0);
    const Operand& updates = l.input(2);
    if (count(updates.shape) != static_cast<Index>(entries.size())) {
        refuse(l, fmt::format("{} updates for {} indices", shape_text(updates.shape), entries.size()),
               "check the shapes in the file");
    }
    const std::string reduction = l.text("reduction", "none");
    const Index size = count(x.shape);
    std::vector<std::vector<Index>> from(at(size));
    for (Index j = 0; j < size; ++j) from[at(j)] = {j};
    for (std::size_t k = 0; k < entries.size(); ++k) {
        std::vector<Index>& here = from[at(entries[k])];
        if (reduction == "none") here.clear();
        here.push_back(size + static_cast<Index>(k));
    }
    std::vector<Index> joined(at(size + static_cast<Index>(entries.size())));
    std::iota(joined.begin(), joined.end(), Index{0});
    const std::array<Operand, 2> both{x, updates};
    Windows windows;
    for (const std::vector<Index>& window : from) {
        windows.from.insert(windows.from.end(), window.begin(), window.end());
        windows.begin.push_back(static_cast<Index>(windows.from.size()));
    }
    if (reduction == "none") return give(l, arrange(l.builder, both, std::move(windows.from), x.shape));
    if (reduction != "add") {
        refuse(l, fmt::format("its reduction is '{}'", printable(reduction)), "only none and add are known");
    }
    windows.weight.assign(windows.from.size(), 1);
    const auto length = static_cast<Index>(joined.size());
    give(l, combine(l.builder, arrange(l.builder, both, std::move(joined), {length}), std::move(windows),
                    x.shape));
}

void scatter_elements(Lowering& l) {
    const Operand& x = l.input(0);
    const Index axis = axis_of(l, l.integer("axis", 0), static_cast<Index>(x.shape.size()));
    put(l, entries_along(l, x.shape, axis, l.input(1).shape, indices(l, 1)));
}

void scatter_points(Lowering& l) {
    put(l, entries_of(parts_at(l, l.input(0).shape, 0)));
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
    Entry{"GatherElements", gather_elements},
    Entry{"GatherND", gather_points},
    Entry{"ReverseSequence", reverse_sequence},
    Entry{"Scatter", scatter_elements},
    Entry{"ScatterElements", scatter_elements},
    Entry{"ScatterND", scatter_points},
    Entry{"SpaceToDepth", space_to_depth},
    Entry{"Trilu", triangle},
};

}  // namespace

std::span<const Entry> rearranging_operators() {
    return table;
}

}  // namespace tangram::onnx_file
