// Entries by their indices: taken from a value, or put into one. Indices that are constants move entries; those that depend on
// the sample look them up.

#include "lowering.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

Shape joined(std::initializer_list<std::span<const Index>> parts) {
    Shape shape;
    for (const std::span<const Index> part : parts) shape.insert(shape.end(), part.begin(), part.end());
    return shape;
}

/// From the front where it is counted from the end; refuses what is beyond.
Index place_of(const Lowering& l, Index index, Index length) {
    if (index < -length || index >= length) {
        refuse(l, fmt::format("index {} of an axis of {}", index, length), "check the indices in the file");
    }
    return index < 0 ? index + length : index;
}

/// stride times the place that each index means; one that depends on the sample is looked up, so that it is refused where it is
/// beyond the axis.
Operand offsets_of(const Lowering& l, const Operand& indices, Index length, Index stride) {
    if (indices.is_constant()) {
        std::vector<double> offsets;
        for (const Index index : indices_of(l, *indices.constant, "the list of indices"))
            offsets.push_back(static_cast<double>(place_of(l, index, length) * stride));
        return constant(indices.shape, std::move(offsets), Type::integer);
    }
    std::vector<double> of_places(at(length));
    for (Index i = 0; i < length; ++i) of_places[at(i)] = static_cast<double>(i * stride);
    const Operand places = constant({length, 1}, std::move(of_places), Type::integer);
    return reshaped(lookup(l.builder, places, indices), indices.shape);
}

/// Runs of `width` entries of x that begin at entry `width` offsets; in the shape of the offsets, and width.
Operand runs_at(const Lowering& l, const Operand& x, const Operand& offsets, Index width) {
    const Index size = count(x.shape);
    if (size == 0 || width == 0) refuse(l, describe(x), "there is nothing to take");
    if (!offsets.is_constant()) return lookup(l.builder, reshaped(x, {size / width, width}), offsets);
    std::vector<Index> from;
    from.reserve(at(count(offsets.shape) * width));
    for (const double offset : *offsets.constant) {
        for (Index j = 0; j < width; ++j) from.push_back(static_cast<Index>(offset) * width + j);
    }
    return arrange(l.builder, std::span(&x, 1), std::move(from), joined({offsets.shape, std::array{width}}));
}

/// The axis comes first, is looked up, and the axes of the indices take its place.
void gather(Lowering& l) {
    const Operand& x = l.input(0);
    const Operand& indices = l.input(1);
    const Index axis = axis_of(l, l.integer("axis", 0), axes_in(x));
    Shape order(x.shape.size());
    std::iota(order.begin(), order.end(), Index{0});
    std::rotate(order.begin(), order.begin() + axis, order.begin() + axis + 1);
    const Operand by_axis = transposed(l.builder, x, order);
    const std::span<const Index> others = std::span(by_axis.shape).subspan(1);
    const Index width = count({others.begin(), others.end()});
    const Operand places = indices.is_constant() ? offsets_of(l, indices, x.shape[at(axis)], 1) : indices;
    if (count(indices.shape) * width == 0) {
        const std::span<const Index> shape(x.shape);
        Shape empty = joined({shape.first(at(axis)), indices.shape, shape.subspan(at(axis) + 1)});
        return give(l, constant(std::move(empty), {}, x.type));
    }
    const Operand rows = reshaped(runs_at(l, by_axis, places, width), joined({indices.shape, others}));
    // (indices, before, behind) -> (before, indices, behind)
    const Index of_indices = axes_in(indices);
    Shape back(rows.shape.size());
    std::iota(back.begin(), back.end(), Index{0});
    std::rotate(back.begin(), back.begin() + of_indices, back.begin() + of_indices + axis);
    give(l, transposed(l.builder, rows, back));
}

/// Where in x entry i of the indices is, but for the axis that they are of: the offsets of its other axes.
Operand beside_axis(const Shape& x, const Shape& indices, Index axis) {
    Shape strides = strides_of(x);
    strides[at(axis)] = 0;
    const std::vector<Index> offsets = strided(indices, strides);
    return constant(indices, {offsets.begin(), offsets.end()}, Type::integer);
}

/// The entries of x that indices along one axis name; indices have as many axes as x.
Operand places_along(const Lowering& l, const Operand& x, const Operand& indices, Index axis) {
    bool fits = indices.shape.size() == x.shape.size();
    for (std::size_t k = 0; fits && k < x.shape.size(); ++k)
        fits = static_cast<Index>(k) == axis || indices.shape[k] <= x.shape[k];
    if (!fits) {
        refuse(l, fmt::format("indices of shape {} for {}", shape_text(indices.shape), describe(x)),
               "check the shapes in the file");
    }
    const Operand along = offsets_of(l, indices, x.shape[at(axis)], strides_of(x.shape)[at(axis)]);
    return add(l.builder, along, beside_axis(x.shape, indices.shape, axis));
}

void gather_elements(Lowering& l) {
    const Operand& x = l.input(0);
    const Operand& indices = l.input(1);
    const Index axis = axis_of(l, l.integer("axis", 0), axes_in(x));
    if (count(indices.shape) == 0) return give(l, constant(indices.shape, {}, x.type));
    give(l, reshaped(runs_at(l, x, places_along(l, x, indices, axis), 1), indices.shape));
}

/// Of tuples of indices, the last axis: the entries, or runs of `width`, that each names in x, whose first `batch_axes` axes are
/// the indices' own.
struct Tuples {
    Operand offsets;  ///< in runs
    Index width = 1;
    Shape run;  ///< the axes of one
};

Tuples tuples_of(const Lowering& l, const Operand& x, const Operand& indices, Index batch_axes) {
    if (indices.shape.empty()) refuse(l, "its indices are a single number", "they must be lists");
    const Index length = indices.shape.back();
    if (length < 1 || batch_axes < 0 || batch_axes + length > axes_in(x) || batch_axes >= axes_in(indices) ||
        !std::equal(x.shape.begin(), x.shape.begin() + batch_axes, indices.shape.begin())) {
        refuse(l, fmt::format("indices of shape {} for {}", shape_text(indices.shape), describe(x)),
               "check the shapes in the file");
    }
    Tuples tuples;
    tuples.run.assign(x.shape.begin() + batch_axes + length, x.shape.end());
    tuples.width = count(tuples.run);
    const Shape strides = strides_of({x.shape.begin(), x.shape.begin() + batch_axes + length});
    const Shape each(indices.shape.begin(), indices.shape.end() - 1);
    Shape of_batches(each.size(), 0);
    std::copy_n(strides.begin(), batch_axes, of_batches.begin());
    const std::vector<Index> batches = strided(each, of_batches);
    tuples.offsets = constant(each, {batches.begin(), batches.end()}, Type::integer);
    for (Index k = 0; k < length; ++k) {
        const Shape tuple_strides = strides_of(indices.shape);
        std::vector<Index> from = strided(each, std::span(tuple_strides).first(each.size()), k);
        const Operand component = arrange(l.builder, std::span(&indices, 1), std::move(from), each);
        const auto axis = at(batch_axes + k);
        tuples.offsets =
            add(l.builder, tuples.offsets, offsets_of(l, component, x.shape[axis], strides[axis]));
    }
    return tuples;
}

void gather_tuples(Lowering& l) {
    const Operand& x = l.input(0);
    const Tuples tuples = tuples_of(l, x, l.input(1), l.integer("batch_dims", 0));
    Shape shape = joined({tuples.offsets.shape, tuples.run});
    if (count(shape) == 0) return give(l, constant(std::move(shape), {}, x.type));
    give(l, reshaped(runs_at(l, x, tuples.offsets, tuples.width), std::move(shape)));
}

/// Which entry of x each update is for; refuses those that depend on the samples.
std::vector<Index> constant_places(const Lowering& l, const Operand& offsets) {
    if (!offsets.is_constant()) {
        refuse(l, "where its updates go depends on the samples", "only constant indices can be used here");
    }
    return indices_of(l, *offsets.constant, "the list of indices");
}

/// x with the updates put in their places, or added to what is there.
void put(Lowering& l, const std::vector<Index>& places, const Operand& updates) {
    const Operand& x = l.input(0);
    if (count(updates.shape) != static_cast<Index>(places.size()))
        refuse(l, fmt::format("{} updates for {} places", count(updates.shape), places.size()),
               "check the shapes in the file");
    const std::string how = l.text("reduction", "none");
    const Index size = count(x.shape);
    if (how == "add") {
        Windows windows;
        std::vector<std::vector<Index>> of_entry(at(size));
        for (std::size_t k = 0; k < places.size(); ++k)
            of_entry[at(places[k])].push_back(static_cast<Index>(k));
        for (const std::vector<Index>& entries : of_entry) {
            windows.from.insert(windows.from.end(), entries.begin(), entries.end());
            windows.begin.push_back(static_cast<Index>(windows.from.size()));
        }
        windows.weight.assign(windows.from.size(), 1);
        return give(l, add(l.builder, x, combine(l.builder, updates, std::move(windows), x.shape)));
    }
    if (how != "none")
        refuse(l, fmt::format("its reduction is '{}'", printable(how)), "only none and add are known");
    std::vector<Index> from(at(size));
    std::iota(from.begin(), from.end(), Index{0});
    for (std::size_t k = 0; k < places.size(); ++k) from[at(places[k])] = size + static_cast<Index>(k);
    give(l, arrange(l.builder, std::array{x, updates}, std::move(from), x.shape));
}

void scatter_elements(Lowering& l) {
    const Operand& x = l.input(0);
    const Operand& indices = l.input(1);
    const Index axis = axis_of(l, l.integer("axis", 0), axes_in(x));
    put(l, constant_places(l, places_along(l, x, indices, axis)), l.input(2));
}

void scatter_tuples(Lowering& l) {
    const Tuples tuples = tuples_of(l, l.input(0), l.input(1), 0);
    std::vector<Index> places;
    for (const Index offset : constant_places(l, tuples.offsets)) {
        for (Index j = 0; j < tuples.width; ++j) places.push_back(offset * tuples.width + j);
    }
    put(l, places, l.input(2));
}

/// values = (off, on): on where the index is, counted along an axis that is put in.
void one_hot(Lowering& l) {
    const Operand& indices = l.input(0);
    const auto depth = indices_of(l, std::array{number_of(l, 1, "its depth")}, "its depth")[0];
    const Operand& values = l.input(2);
    if (depth < 1 || values.shape != Shape{2})
        refuse(l, fmt::format("its depth is {}", depth), "check it in the file");
    const Index axis = axis_of(l, l.integer("axis", -1), axes_in(indices) + 1);
    Shape with_axis = indices.shape;
    with_axis.insert(with_axis.begin() + axis, 1);
    std::vector<double> counted(at(depth));
    std::iota(counted.begin(), counted.end(), 0.0);
    Shape along(with_axis.size(), 1);
    along[at(axis)] = depth;
    const Operand from_end = choose(
        l.builder, compare(l.builder, indices, constant({}, {0}, indices.type), Compare::Relation::less),
        add(l.builder, indices, constant({}, {static_cast<double>(depth)}, indices.type)), indices);
    const Operand is_here =
        compare(l.builder, reshaped(from_end, with_axis), constant(along, std::move(counted), indices.type),
                Compare::Relation::equal);
    const auto one_of = [&](Index k) { return arrange(l.builder, std::span(&values, 1), {k}, Shape{}); };
    give(l, choose(l.builder, is_here, one_of(1), one_of(0)));
}

constexpr std::array table{
    Entry{"Gather", gather},
    Entry{"GatherElements", gather_elements},
    Entry{"GatherND", gather_tuples},
    Entry{"OneHot", one_hot},
    Entry{"Scatter", scatter_elements},
    Entry{"ScatterElements", scatter_elements},
    Entry{"ScatterND", scatter_tuples},
};

}  // namespace

std::span<const Entry> gathering_operators() {
    return table;
}

}  // namespace tangram::onnx_file
