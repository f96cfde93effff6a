#include "tangram/output/dimensions.hpp"

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

struct Square {
    h5::Handle row, column;
};

Square write_square_scales(const h5::Handle& file, const std::string& prefix, const Numbers& rows,
                           const std::string& meaning = "row of the sample in the input") {
    return {write_scale(file, prefix + "row", rows, meaning),
            write_scale(file, prefix + "column", rows, meaning)};
}

void name_parameters(const h5::Handle& file, const KernelMetadata& d) {
    const Square scales = write_square_scales(file, "/", count_up(d.shape.panels.samples),
                                              "parameter, in the order of /parameter_blocks");
    name_axes(file, d.shape.matrices.back().path, {&scales.row, &scales.column});
    const h5::Handle tensor = scale_of(file, "/parameter_blocks/tensor");
    for (const char* name : {"first", "size"})
        name_axes(file, std::string("/parameter_blocks/") + name, {&tensor});
}

void name_matrices(const h5::Handle& file, const KernelMetadata& d) {
    const Index per_sample = d.shape.matrices.back().rows_per_sample;
    const Square kernel = write_square_scales(file, "/", repeat(d.samples, per_sample));
    std::optional<Square> smaller;
    for (const KernelMatrix& matrix : d.shape.matrices) {
        const bool is_smaller = matrix.rows_per_sample != per_sample;
        if (is_smaller && !smaller) smaller = write_square_scales(file, "/sample_", d.samples);
        const Square& scales = is_smaller ? *smaller : kernel;
        name_axes(file, matrix.path, {&scales.row, &scales.column});
    }
}

void name_outputs(const h5::Handle& file, const KernelMetadata& d) {
    const h5::Handle samples = scale_of(file, "/samples");
    const h5::Handle output = write_scale(file, "/output", count_up(d.network.outputs()), "output");
    name_axes(file, "/outputs", {&samples, &output});
    if (d.labels) name_axes(file, "/labels", {&samples});
}

void name_checks(const h5::Handle& file, const KernelMetadata& d) {
    if (!d.checks.run) return;
    const h5::Handle component = scale_of(file, "/checks/component");
    for (const char* name : {"relative_error", "normalized_error", "scale", "probe_error"})
        name_axes(file, std::string("/checks/") + name, {&component});
    scale_of(file, "/checks/samples");
    if (d.checks.jacobian_ntk.size() == 0) return;
    Numbers rows;
    for (const std::int64_t sample : d.checks.samples) rows.push_back(d.samples[at(sample)]);
    const Square scales =
        write_square_scales(file, "/checks/", repeat(rows, d.shape.matrices.back().rows_per_sample));
    for (const char* path : {"/checks/jacobian_ntk", "/checks/layerwise_ntk"})
        name_axes(file, path, {&scales.row, &scales.column});
}

void name_checksums(const h5::Handle& file, const KernelShape& shape) {
    const Square scales =
        write_square_scales(file, "/checksums/tile_", count_up(shape.panels.count(), shape.panels.panel_size),
                            shape.space() == Space::samples ? "first sample of the tile, counted from 0"
                                                            : "first parameter of the tile");
    for (const KernelMatrix& matrix : shape.matrices)
        name_axes(file, "/checksums" + matrix.path, {&scales.row, &scales.column});
}

void name_timing(const h5::Handle& file, const Timing& timing) {
    const h5::Handle phase = scale_of(file, "/timing/phase");
    const h5::Handle rank = write_scale(file, "/timing/rank", count_up(timing.ranks), "rank");
    name_axes(file, "/timing/seconds", {&phase, &rank});
    name_axes(file, "/timing/peak_memory", {&rank});
}

}  // namespace

void write_dimensions(const h5::Handle& file, const KernelMetadata& metadata) {
    if (metadata.shape.space() == Space::samples) {
        name_matrices(file, metadata);
    } else {
        name_parameters(file, metadata);
    }
    name_outputs(file, metadata);
    name_checks(file, metadata);
    name_checksums(file, metadata.shape);
    name_timing(file, metadata.timing);
}

}  // namespace tangram
