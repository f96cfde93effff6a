#include "tangram/output/schema.hpp"

#include "tangram/kernel/parameter_gram.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tangram {

std::string to_string(Precision precision) {
    return precision == Precision::float32 ? "float32" : "float64";
}

Precision parse_precision(const std::string& name) {
    if (name == "float32") return Precision::float32;
    if (name == "float64") return Precision::float64;
    fail(ExitCode::usage, "unknown precision '{}': use float32 or float64", name);
}

Index value_bytes(Precision precision) {
    return precision == Precision::float32 ? 4 : 8;
}

double rounding_unit(Precision precision) {
    return precision == Precision::float32 ? double{std::numeric_limits<float>::epsilon()}
                                           : std::numeric_limits<double>::epsilon();
}

double smallest_normal(Precision precision) {
    return precision == Precision::float32 ? double{std::numeric_limits<float>::min()}
                                           : std::numeric_limits<double>::min();
}

namespace {

/// Throws Error(usage) if HDF5 cannot hold its tiles in one chunk each.
KernelShape require_tiles_fit(KernelShape shape) {
    const Index rows = shape.matrices.back().rows_per_sample;
    const Index side = shape.tile_rows(shape.matrices.back());
    if (side > largest_tile_rows) {
        fail(ExitCode::usage, "--tile {} makes tiles of {} x {} kernel entries: give at most {}",
             shape.panels.panel_size, side, side, std::max<Index>(1, largest_tile_rows / rows));
    }
    return shape;
}

}  // namespace

KernelShape make_kernel_shape(Index samples, std::optional<Index> tile, const Network& network,
                              const Reduction& reduction, Precision precision,
                              std::vector<KernelMatrix> matrices) {
    const Panels panels{samples, tile.value_or(default_panel_size(samples, reduction.rows_per_sample()))};
    return require_tiles_fit({panels, samples, network.outputs(), precision, std::move(matrices)});
}

KernelShape make_parameter_gram_shape(Index samples, std::optional<Index> tile, const Network& network,
                                      Precision precision) {
    const Index P = network.parameters();
    const Panels panels{P, tile.value_or(default_panel_size(P, 1))};
    return require_tiles_fit({panels, samples, network.outputs(), precision, {parameter_gram_matrix()}});
}

double operations_of(const Network& network, const Reduction& reduction, const KernelShape& shape) {
    return shape.space() == Space::parameters
               ? gram_operations(shape.panels.samples, shape.samples, reduction)
               : tile_operations(network, reduction, shape.samples);
}

Index KernelShape::tile_rows(const KernelMatrix& matrix) const {
    return std::min(panels.panel_size, panels.samples) * matrix.rows_per_sample;
}

Index KernelShape::matrix_bytes() const {
    Index bytes = 0;
    for (const KernelMatrix& matrix : matrices) bytes += rows(matrix) * rows(matrix) * value_bytes(precision);
    return bytes;
}

}  // namespace tangram
