#include "tangram/file/dimensions.hpp"

#include <array>
#include <initializer_list>
#include <numeric>
#include <span>

namespace tangram {

namespace {

using Numbers = std::vector<std::int64_t>;

/// Makes the dataset `path` the scale of the dimension that bears its name.
h5::Handle scale_of(const h5::Handle& file, const std::string& path) {
    h5::Handle dataset = h5::open_dataset(file, path);
    h5::make_scale(dataset, path.substr(path.rfind('/') + 1));
    return dataset;
}

h5::Handle write_scale(const h5::Handle& file, const std::string& path, const Numbers& values,
                       const std::string& meaning) {
    const std::array<Index, 1> length{static_cast<Index>(values.size())};
    h5::write_dataset(file, path, values, length);
    h5::Handle scale = scale_of(file, path);
    h5::write_attribute(scale, "long_name", meaning);
    return scale;
}

/// Names the axes of the dataset `path`, first to last.
void name_axes(const h5::Handle& file, const std::string& path,
               std::initializer_list<const h5::Handle*> scales) {
    const h5::Handle dataset = h5::open_dataset(file, path);
    h5::detach_scales(dataset);
    Index axis = 0;
    for (const h5::Handle* scale : scales) h5::attach_scale(dataset, axis++, *scale);
}

/// {0, 1, .., count - 1} * step
Numbers count_up(Index count, Index step = 1) {
    Numbers numbers(at(count));
    std::iota(numbers.begin(), numbers.end(), 0);
    for (std::int64_t& number : numbers) number *= step;
    return numbers;
}

/// Each value `times` times.
Numbers repeat(const Numbers& values, Index times) {
    Numbers repeated;
    repeated.reserve(values.size() * at(times));
    for (const std::int64_t value : values) repeated.insert(repeated.end(), at(times), value);
    return repeated;
}

/// The scales of the two axes of a matrix.
struct AxisScales {
    h5::Handle row, column;
};

AxisScales write_axis_scales(const h5::Handle& file, const std::string& prefix, const Numbers& rows,
                             const Numbers& columns, const std::string& meaning) {
    return {write_scale(file, prefix + "row", rows, meaning),
            write_scale(file, prefix + "column", columns, meaning)};
}

constexpr const char* row_in_input = "row of the sample in the input";

/// What an axis is numbered by, and what that means: samples by their rows in the input, parameters by themselves.
struct UnitNumbers {
    Numbers numbers;
    const char* meaning;
    const char* meaning_of_tile;
};

UnitNumbers numbers_of(const KernelMetadata& d, const Axis& axis) {
    constexpr const char* sample_of_tile = "first sample of the tile, counted from 0";
    switch (axis.unit) {
        case Unit::sample:
            return {d.samples.rows, row_in_input, sample_of_tile};
        case Unit::test_sample:
            return {d.test->rows, row_in_input, sample_of_tile};
        case Unit::parameter:
            return {count_up(axis.extent), "parameter, in the order of /parameter_blocks",
                    "first parameter of the tile"};
    }
    return {};
}

void name_matrices(const h5::Handle& file, const KernelMetadata& d) {
    const Axes& axes = d.shape.axes;
    const Index rows_each = d.shape.total().rows_each;
    const auto [rows, meaning, ignored] = numbers_of(d, axes.row);
    const Numbers columns = numbers_of(d, axes.column).numbers;
    const AxisScales total =
        write_axis_scales(file, "/", repeat(rows, rows_each), repeat(columns, rows_each), meaning);
    std::optional<AxisScales> smaller;
    for (const StoredMatrix& matrix : d.shape.matrices) {
        if (!d.shape.stored) break;
        const bool is_smaller = matrix.rows_each != rows_each;
        if (is_smaller && !smaller) smaller = write_axis_scales(file, "/sample_", rows, columns, meaning);
        const AxisScales& scales = is_smaller ? *smaller : total;
        name_axes(file, matrix.path, {&scales.row, &scales.column});
    }
}

void name_parameter_blocks(const h5::Handle& file) {
    if (!h5::exists(file, parameter_blocks_group)) return;
    const std::string group(parameter_blocks_group);
    const h5::Handle tensor = scale_of(file, group + "/tensor");
    for (const char* name : {"/first", "/size"}) name_axes(file, group + name, {&tensor});
}

void name_samples(const h5::Handle& file, const std::string& prefix, const SampleRecord& record,
                  const h5::Handle& output) {
    const h5::Handle samples = scale_of(file, prefix + "samples");
    if (h5::exists(file, prefix + "outputs")) name_axes(file, prefix + "outputs", {&samples, &output});
    name_axes(file, prefix + "sample_hashes", {&samples});
    if (record.labels) name_axes(file, prefix + "labels", {&samples});
    if (record.targets.size() > 0) name_axes(file, prefix + "targets", {&samples, &output});
}

void name_diagonals(const h5::Handle& file, const DiagonalRecord& diagonal) {
    const h5::Handle samples = h5::open_dataset(file, "/test_samples");
    std::vector<std::string> paths{"/diagonal"};
    for (const TensorDiagonal& one : diagonal.components)
        paths.push_back("/component_diagonals/" + one.dataset);
    if (!diagonal.is_full) {
        for (const std::string& path : paths) name_axes(file, path, {&samples});
        return;
    }
    const AxisScales outputs = write_axis_scales(file, "/output_", count_up(diagonal.rows_each),
                                                 count_up(diagonal.rows_each), "output");
    for (const std::string& path : paths) name_axes(file, path, {&samples, &outputs.row, &outputs.column});
}

void name_outputs(const h5::Handle& file, const KernelMetadata& d) {
    const h5::Handle output = write_scale(file, "/output", count_up(d.outputs), "output");
    name_samples(file, "/", d.samples, output);
    if (d.test) name_samples(file, "/test_", *d.test, output);
    if (d.diagonal) name_diagonals(file, *d.diagonal);
}

/// The rows in the input of some samples, each `times` times.
Numbers rows_of(const SampleRecord& record, const Numbers& samples, Index times) {
    Numbers rows;
    for (const std::int64_t sample : samples) rows.push_back(record.rows[at(sample)]);
    return repeat(rows, times);
}

void name_checks(const h5::Handle& file, const KernelMetadata& d) {
    if (!d.checks.run) return;
    const h5::Handle component = scale_of(file, "/checks/component");
    for (const char* name : {"relative_error", "normalized_error", "scale", "probe_error", "remark"})
        name_axes(file, std::string("/checks/") + name, {&component});
    scale_of(file, "/checks/samples");
    if (!d.checks.test_samples.empty()) scale_of(file, "/checks/test_samples");
    if (d.checks.jacobian_ntk.size() == 0) return;
    const Index times = d.shape.total().rows_each;
    const Numbers columns = rows_of(d.samples, d.checks.samples, times);
    const Numbers rows = d.test ? rows_of(*d.test, d.checks.test_samples, times) : columns;
    const AxisScales scales = write_axis_scales(file, "/checks/", rows, columns, row_in_input);
    for (const char* path : {"/checks/jacobian_ntk", "/checks/layerwise_ntk"})
        name_axes(file, path, {&scales.row, &scales.column});
}

void name_checksums(const h5::Handle& file, const KernelMetadata& d) {
    const Shape& shape = d.shape;
    if (!shape.stored) return;
    const Axes& axes = shape.axes;
    const AxisScales scales = write_axis_scales(
        file, "/checksums/tile_", count_up(axes.row.panels(), axes.row.panel_size),
        count_up(axes.column.panels(), axes.column.panel_size), numbers_of(d, axes.row).meaning_of_tile);
    for (const StoredMatrix& matrix : shape.matrices)
        name_axes(file, "/checksums" + matrix.path, {&scales.row, &scales.column});
}

void name_timing(const h5::Handle& file, const Timing& timing) {
    const h5::Handle phase = scale_of(file, "/timing/phase");
    const h5::Handle rank = write_scale(file, "/timing/rank", count_up(timing.ranks), "rank");
    name_axes(file, "/timing/seconds", {&phase, &rank});
    name_axes(file, "/timing/peak_memory", {&rank});
}

void name_neighbours(const h5::Handle& file, const KernelMetadata& d) {
    if (!d.neighbours) return;
    const h5::Handle row = h5::open_dataset(file, "/row");
    const h5::Handle place =
        write_scale(file, "/neighbours/place", count_up(d.neighbours->K), "place in the order, 0 the first");
    for (const char* name : {"largest", "largest_columns", "smallest", "smallest_columns"})
        name_axes(file, std::string("/neighbours/") + name, {&row, &place});
}

}  // namespace

void write_dimensions(const h5::Handle& file, const KernelMetadata& metadata) {
    name_matrices(file, metadata);
    name_parameter_blocks(file);
    name_outputs(file, metadata);
    name_neighbours(file, metadata);
    if (metadata.measures) name_measures(file, *metadata.measures);
    name_checks(file, metadata);
    name_checksums(file, metadata);
    name_timing(file, metadata.timing);
}

}  // namespace tangram
