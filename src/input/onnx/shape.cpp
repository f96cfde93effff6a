#include "shape.hpp"

#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace tangram::onnx_file {

namespace {

constexpr Index most_entries = Index{1} << 28;
constexpr std::size_t most_axes = 64;

}  // namespace

Index count(const Shape& shape) {
    if (shape.size() > most_axes) {
        throw ShapeError(fmt::format("a value would have {} axes", shape.size()),
                         fmt::format("a value can have {} axes at most", most_axes));
    }
    Index product = 1;
    for (const Index size : shape) {
        const Index factor = std::max(size, Index{1});  // a 0 must not hide what its neighbours overflow
        if (size < 0 || factor > most_entries / product) {
            throw ShapeError(fmt::format("a value would have the shape {}", shape_text(shape)),
                             "a value can have 2^28 entries a sample at most");
        }
        product *= factor;
    }
    return std::find(shape.begin(), shape.end(), 0) == shape.end() ? product : 0;
}

Shape strides_of(const Shape& shape) {
    Shape strides(shape.size(), 1);
    for (std::size_t k = shape.size(); k-- > 1;) strides[k - 1] = strides[k] * shape[k];
    return strides;
}

std::vector<Index> strided(const Shape& shape, std::span<const Index> strides, Index offset) {
    assert(strides.size() == shape.size());
    std::vector<Index> table(at(count(shape)));
    Shape i(shape.size(), 0);
    for (Index& entry : table) {
        entry = offset;
        for (std::size_t k = shape.size(); k-- > 0;) {  // count up, the last axis first
            offset += strides[k];
            if (++i[k] < shape[k]) break;
            offset -= strides[k] * shape[k];
            i[k] = 0;
        }
    }
    return table;
}

std::vector<Index> broadcast_table(const Shape& from, const Shape& shape) {
    if (broadcast_shape(from, shape) != shape) {
        throw ShapeError(
            fmt::format("the shape {} does not broadcast to {}", shape_text(from), shape_text(shape)),
            "check the shapes in the file");
    }
    const Shape own = strides_of(from);
    Shape strides(shape.size(), 0);
    const std::size_t first = shape.size() - from.size();
    for (std::size_t k = 0; k < from.size(); ++k) strides[first + k] = from[k] == 1 ? 0 : own[k];
    return strided(shape, strides);
}

Shape broadcast_shape(const Shape& a, const Shape& b) {
    Shape shape(std::max(a.size(), b.size()), 1);
    for (std::size_t k = 0; k < shape.size(); ++k) {  // from the last axis
        const Index of_a = k < a.size() ? a[a.size() - 1 - k] : 1;
        const Index of_b = k < b.size() ? b[b.size() - 1 - k] : 1;
        if (of_a != of_b && of_a != 1 && of_b != 1) {
            throw ShapeError(
                fmt::format("the shapes {} and {} do not broadcast", shape_text(a), shape_text(b)),
                "check the shapes in the file");
        }
        shape[shape.size() - 1 - k] = of_a == 1 ? of_b : of_a;
    }
    return shape;
}

}  // namespace tangram::onnx_file
