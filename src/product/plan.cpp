#include "tangram/product/plan.hpp"

#include "tangram/tangent/reference/jacobian.hpp"

#include <algorithm>

namespace tangram {

namespace {

constexpr Index wide = sizeof(double);

}  // namespace

Index gradient_bytes(const Network& network, const Reduction& reduction, Index samples) {
    const Index R = reduction.sensitivities();
    Index own = 0, shared = 0, largest = 0;
    for (const Value& value : network.values) {
        own += value.shared ? 0 : value.size * (1 + R);
        shared += value.shared ? value.size : 0;
        if (value.shared) largest = std::max(largest, value.size);
    }
    // Rows of J of one tensor at a time, twice: as they are made, and of all samples together.
    const Index rows = largest == 0 || reduction.is_full()
                           ? R
                           : std::clamp<Index>(reference_rows_values / (samples * largest), 1, R);
    if (!reduction.is_every_output())  // E, and where it is made of the outputs its sizes
        own += R * reduction.outputs * (reduction.needs_outputs() ? 2 : 1);
    return (samples * own + shared + 2 * samples * rows * largest) * wide;
}

Index scan_bytes(const Shape& shape, int threads) {
    const auto matrices = static_cast<Index>(shape.matrices.size());
    Index ends = shape.rows(shape.total());
    if (!shape.axes.symmetric) ends += shape.columns(shape.total());
    const Index vectors = (3 + matrices * (1 + 2 * threads)) * ends * wide;
    return vectors + threads * shape.tile_entries() * (2 * value_bytes(shape.precision) + wide);
}

}  // namespace tangram
