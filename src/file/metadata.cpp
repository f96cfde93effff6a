#include "tangram/file/metadata.hpp"

#include "tangram/file/contents_checksum.hpp"
#include "tangram/file/derived_file.hpp"
#include "tangram/file/dimensions.hpp"
#include "tangram/file/format.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/fault.hpp"
#include "tangram/support/hdf5.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <set>

namespace tangram {

namespace {

using h5::write_attribute;
using h5::write_dataset;

std::array<Index, 1> length(std::size_t n) {
    return {static_cast<Index>(n)};
}

void write_root_attributes(const h5::Handle& file, const KernelMetadata& d) {
    const h5::Handle root = h5::open_group(file, "/");
    write_attribute(root, "format", std::string(format_name));
    write_attribute(root, "format_version", format_version);
    write_attribute(root, "software", std::string("tangram"));
    write_attribute(root, "software_version", software_version());
    write_attribute(root, "git_commit", git_commit());
    write_attribute(root, "date", timestamp());
    write_attribute(root, "status", std::string(d.checks.passed ? "complete" : "check failed"));
    write_attributes(root, d.root);
}

const Attribute* find_attribute(const StoredMatrix& matrix, const std::string& name) {
    for (const Attribute& attribute : matrix.attributes) {
        if (attribute.name == name) return &attribute;
    }
    return nullptr;
}

/// The tensors whose parameters are the rows, where the matrix says so: its own attributes once more, as datasets, which
/// more tools read.
void write_parameter_blocks(const h5::Handle& file, const StoredMatrix& matrix) {
    if (find_attribute(matrix, "first") == nullptr)
        return;  // no table: a component's "tensor" is its own name
    const Attribute* tensors = find_attribute(matrix, "tensor");
    h5::create_group(file, parameter_blocks_group);
    const std::string group(parameter_blocks_group);
    write_dataset(file, group + "/tensor", std::get<std::vector<std::string>>(tensors->value));
    for (const char* name : {"first", "size"}) {
        const auto& numbers = std::get<std::vector<std::int64_t>>(find_attribute(matrix, name)->value);
        write_dataset(file, group + "/" + name, numbers, length(numbers.size()));
    }
}

void write_matrix(const h5::Handle& file, const std::string& path, const Matrix<double>& matrix) {
    const std::array<Index, 2> dims{matrix.rows(), matrix.cols()};
    write_dataset(file, path, std::span<const double>(matrix.data(), at(matrix.size())), dims);
}

/// `prefix`: "/" or "/test_".
void write_samples(const h5::Handle& file, const std::string& prefix, const SampleRecord& samples) {
    write_dataset(file, prefix + "samples", samples.rows, length(samples.rows.size()));
    write_dataset(file, prefix + "sample_hashes", samples.hashes, length(samples.hashes.size()));
    if (samples.targets.size() > 0) write_matrix(file, prefix + "targets", samples.targets);
    if (!samples.labels) return;
    const std::vector<double>& values = samples.labels->values;
    if (samples.labels->integers) {
        const std::vector<std::int64_t> labels(values.begin(), values.end());
        write_dataset(file, prefix + "labels", labels, length(labels.size()));
    } else {
        write_dataset(file, prefix + "labels", values, length(values.size()));
    }
    if (!samples.labels->classes.empty())
        write_attribute(h5::open_dataset(file, prefix + "labels"), "classes", samples.labels->classes);
}

void write_diagonal(const h5::Handle& file, const std::string& path, const Matrix<double>& blocks,
                    const DiagonalRecord& diagonal) {
    const std::span<const double> values(blocks.data(), at(blocks.size()));
    if (diagonal.is_full) {
        write_dataset(file, path, values,
                      std::array<Index, 3>{blocks.rows(), diagonal.rows_each, diagonal.rows_each});
    } else {
        write_dataset(file, path, values, std::array<Index, 1>{blocks.rows()});
    }
}

void write_diagonals(const h5::Handle& file, const DiagonalRecord& diagonal) {
    write_diagonal(file, "/diagonal", diagonal.total, diagonal);
    h5::create_group(file, "/component_diagonals");
    for (const auto& [tensor, dataset, blocks] : diagonal.components) {
        write_diagonal(file, "/component_diagonals/" + dataset, blocks, diagonal);
        write_attribute(h5::open_dataset(file, "/component_diagonals/" + dataset), "tensor", tensor);
    }
}

void write_neighbours(const h5::Handle& file, const NeighbourRecord& neighbours) {
    const h5::Handle group = h5::create_group(file, "/neighbours");
    write_attribute(group, "K", neighbours.K);
    write_attribute(group, "own_sample", std::string(neighbours.with_own ? "another set's" : "left out"));
    write_attribute(group, "ties", std::string("the smaller column first"));
    const std::array<Index, 2> dims{static_cast<Index>(neighbours.largest.size()) / neighbours.K,
                                    neighbours.K};
    write_dataset(file, "/neighbours/largest", neighbours.largest, dims);
    write_dataset(file, "/neighbours/largest_columns", neighbours.largest_columns, dims);
    write_dataset(file, "/neighbours/smallest", neighbours.smallest, dims);
    write_dataset(file, "/neighbours/smallest_columns", neighbours.smallest_columns, dims);
}

void write_component_checks(const h5::Handle& file, const std::vector<ComponentRecord>& components) {
    std::vector<std::string> names, remarks;
    std::vector<double> relative, normalized, scale, probe;
    for (const ComponentRecord& check : components) {
        names.push_back(check.name);
        remarks.push_back(check.remark);
        relative.push_back(check.relative_error);
        normalized.push_back(check.normalized_error);
        scale.push_back(check.scale);
        probe.push_back(check.probe_error);
    }
    const auto count = length(components.size());
    write_dataset(file, "/checks/component", names);
    write_dataset(file, "/checks/remark", remarks);
    write_dataset(file, "/checks/relative_error", relative, count);
    write_dataset(file, "/checks/normalized_error", normalized, count);
    write_dataset(file, "/checks/scale", scale, count);
    write_dataset(file, "/checks/probe_error", probe, count);
}

void write_checks(const h5::Handle& file, const CheckRecord& checks) {
    write_attributes(h5::create_group(file, "/checks"), checks.attributes);
    if (!checks.run) return;
    write_component_checks(file, checks.components);
    write_dataset(file, "/checks/samples", checks.samples, length(checks.samples.size()));
    if (!checks.test_samples.empty())
        write_dataset(file, "/checks/test_samples", checks.test_samples, length(checks.test_samples.size()));
    if (checks.jacobian_ntk.size() == 0) return;  // J^T J is compared tile by tile
    write_matrix(file, "/checks/jacobian_ntk", checks.jacobian_ntk);
    write_matrix(file, "/checks/layerwise_ntk", checks.layerwise_ntk);
}

void write_checksums(const h5::Handle& file, const KernelMetadata& d) {
    const std::array<Index, 2> dims{d.shape.axes.row.panels(), d.shape.axes.column.panels()};
    h5::create_group(file, "/checksums");
    for (std::size_t m = 0; m < d.checksums.size() && d.shape.stored; ++m)
        write_dataset(file, "/checksums" + d.shape.matrices[m].path, d.checksums[m], dims);
}

/// Of all that was written before, so that nothing may be written after it.
void write_contents_checksum(const h5::Handle& file, const Shape& shape) {
    std::set<std::string> matrices;
    for (const StoredMatrix& matrix : shape.matrices) matrices.insert(matrix.path);
    record_contents(file, matrices);
}

void write_timing(const h5::Handle& file, const Timing& timing) {
    const h5::Handle group = h5::create_group(file, "/timing");
    write_dataset(file, "/timing/phase", std::vector<std::string>(phase_names.begin(), phase_names.end()));
    const std::array<Index, 2> dims{static_cast<Index>(phase_names.size()), timing.ranks};
    write_dataset(file, "/timing/seconds", timing.seconds, dims);
    write_dataset(file, "/timing/peak_memory",
                  std::vector<std::int64_t>(timing.peak_memory.begin(), timing.peak_memory.end()),
                  length(timing.peak_memory.size()));
    write_attribute(group, "ranks", timing.ranks);
    write_attribute(group, "threads", timing.threads);
    write_attribute(group, "flops", timing.flops);
    write_attribute(group, "bytes_received", timing.bytes_received);
    write_attribute(group, "bytes_written", timing.bytes_written);
    write_attribute(group, "planned_memory", timing.planned_memory);
}

void write_provenance(const h5::Handle& file, const Provenance& provenance) {
    const h5::Handle group = h5::create_group(file, "/provenance");
    write_attribute(group, "command_line", provenance.command_line);
    write_attribute(group, "configuration", provenance.configuration);
    write_attribute(group, "identity", provenance.identity);
    write_attribute(group, "inputs", inputs_as_json(provenance.inputs));
    write_attribute(group, "compiler", compiler());
    write_attribute(group, "blas", blas::library_description() + ", kernel " + provenance.blas_kernel);
    write_attribute(group, "mpi", mpi::library_version());
    write_attribute(group, "hdf5", h5::library_version());
    write_attribute(group, "hosts", provenance.hosts);
    write_attribute(group, "slurm_job_id", provenance.slurm_job_id);
}

}  // namespace

void write_metadata(const std::string& path, const KernelMetadata& metadata) {
    h5::Handle file = h5::open_readwrite(path);
    // There already where a run died in here and its file's structure could not be put back.
    for (const char* name : {"/samples", "/labels", "/targets", "/sample_hashes", "/test_samples",
                             "/test_labels", "/test_targets", "/test_sample_hashes", "/diagonal",
                             "/component_diagonals", "/neighbours", measures_group, drift_group,
                             parameter_blocks_group, "/checks", "/checksums", "/timing", "/provenance"})
        h5::remove(file, name);
    for (const char* name : root_scales) h5::remove(file, name);
    for (const StoredMatrix& matrix : metadata.shape.matrices) {
        if (!metadata.shape.stored) break;
        write_attributes(h5::open_dataset(file, matrix.path), matrix.attributes);
        write_parameter_blocks(file, matrix);
    }
    if (metadata.shape.stored && !h5::exists(file, parameter_blocks_group))
        h5::create_group(file, "/components");  // there, if empty, with --components none
    write_samples(file, "/", metadata.samples);
    if (metadata.test) write_samples(file, "/test_", *metadata.test);
    if (metadata.diagonal) write_diagonals(file, *metadata.diagonal);
    if (metadata.neighbours) write_neighbours(file, *metadata.neighbours);
    if (metadata.measures) write_measures(file, *metadata.measures);
    write_checks(file, metadata.checks);
    write_checksums(file, metadata);
    fault_point("metadata", 0);
    write_timing(file, metadata.timing);
    write_provenance(file, metadata.provenance);
    write_root_attributes(file, metadata);
    write_dimensions(file, metadata);
    write_contents_checksum(file, metadata.shape);
    file.close(path);
}

}  // namespace tangram
