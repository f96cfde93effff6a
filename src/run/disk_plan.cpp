#include "tangram/run/disk_plan.hpp"

#include <algorithm>

namespace tangram {

namespace {

// Measured with HDF5 1.10 and 1.14, and rounded up.
constexpr Index page = 4096;
constexpr Index aligned_from = 65536;  ///< larger tiles begin on a page
constexpr Index around_a_dataset =
    2600;  ///< its header, attributes and dimensions, and those of its checksums
constexpr Index of_any_file = 96 << 10;  ///< groups, small tables, texts
constexpr Index of_a_tensor = 1200;      ///< its part of the identity and of the tables
constexpr Index number = 8;              ///< bytes of an int64 or a float64

Index matrices_bytes(const Shape& shape) {
    Index bytes = 0;
    if (!shape.stored) return bytes;
    for (const StoredMatrix& matrix : shape.matrices) {
        const Index tile =
            shape.tile_rows(matrix) * shape.tile_columns(matrix) * value_bytes(shape.precision);
        const Index checksum = number;
        bytes += (shape.tiles_in_file() * tile + shape.axes.stored_tiles() * checksum) + around_a_dataset +
                 (tile >= aligned_from ? page : 0);
    }
    return bytes;
}

/// Rows in the input, hashes, labels, and outputs.
Index samples_bytes(const Shape& shape, const InputSet& set, Index outputs) {
    const Index columns = set.labels ? 3 : 2;
    return set.count() * (columns * number + outputs * value_bytes(shape.precision)) + 4 * page;
}

/// The scales of the matrices' dimensions; twice where some matrices are smaller than the total.
Index scales_bytes(const Shape& shape) {
    const Index units = shape.axes.row.extent + shape.axes.column.extent;
    return number * units * (shape.total().rows_each > 1 ? shape.total().rows_each + 1 : 1);
}

/// The two matrices of the check samples.
Index checks_bytes(const Product& product, const Shape& shape, Index check_samples) {
    if (!product.keeps_compared) return 0;
    const Index rows = std::min(check_samples, shape.axes.row.extent) * shape.total().rows_each;
    const Index columns = std::min(check_samples, shape.axes.column.extent) * shape.total().rows_each;
    return 2 * number * rows * columns;
}

/// The kernels of test samples with themselves: the total, and one a tensor.
Index diagonals_bytes(const Shape& shape, const Inputs& inputs) {
    if (!inputs.test) return 0;
    const auto arrays = static_cast<Index>(inputs.network.tensors.size()) + 1;
    return arrays * (inputs.test->count() * shape.total().rows_each * shape.total().rows_each * number +
                     around_a_dataset);
}

}  // namespace

Index file_bytes(const Product& product, const Shape& shape, const Inputs& inputs, Index check_samples) {
    const Index outputs = inputs.network.outputs();
    Index bytes = of_any_file + static_cast<Index>(inputs.network.tensors.size()) * of_a_tensor;
    bytes += matrices_bytes(shape) + scales_bytes(shape) + checks_bytes(product, shape, check_samples);
    bytes += samples_bytes(shape, inputs.samples, outputs) + diagonals_bytes(shape, inputs);
    if (inputs.test) bytes += samples_bytes(shape, *inputs.test, outputs);
    return bytes;
}

}  // namespace tangram
