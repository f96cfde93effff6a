#include "tangram/product/plan.hpp"

namespace tangram {

namespace {

constexpr Index wide = sizeof(double);

}  // namespace

Index gradient_bytes(const Network& network, Index samples) {
    Index values = 0;
    for (const Value& value : network.values) values += value.size * (1 + network.outputs());
    return samples * values * wide;
}

Index scan_bytes(const Shape& shape, int threads) {
    const auto matrices = static_cast<Index>(shape.matrices.size());
    Index ends = shape.rows(shape.total());
    if (!shape.axes.symmetric) ends += shape.columns(shape.total());
    const Index vectors = (3 + matrices * (1 + 2 * threads)) * ends * wide;
    return vectors + threads * shape.tile_entries() * (2 * value_bytes(shape.precision) + wide);
}

}  // namespace tangram
