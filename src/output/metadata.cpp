#include "tangram/output/metadata.hpp"

#include "tangram/output/contents_checksum.hpp"
#include "tangram/output/dimensions.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/fault.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/tangent/parameter_blocks.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cmath>

namespace tangram {

namespace {

using h5::write_attribute;
using h5::write_dataset;

std::array<Index, 1> length(std::size_t n) {
    return {static_cast<Index>(n)};
}

std::string status(const CheckReport& checks) {
    return passed(checks) ? "complete" : "check failed";
}

void write_root_attributes(const h5::Handle& file, const KernelMetadata& d) {
    const h5::Handle root = h5::open_group(file, "/");
    write_attribute(root, "format", std::string("tangram"));
    write_attribute(root, "format_version", format_version);
    write_attribute(root, "software", std::string("tangram"));
    write_attribute(root, "software_version", software_version());
    write_attribute(root, "git_commit", git_commit());
    write_attribute(root, "date", timestamp());
    write_attribute(root, "status", status(d.checks));
    write_attribute(root, "space", to_string(d.shape.space()));
    write_attribute(root, "n_samples", d.shape.samples);
    write_attribute(root, "n_outputs", d.network.outputs());
    write_attribute(root, "n_parameters", d.network.parameters());
    write_attribute(root, "reduction", to_string(d.reduction.kind));
    write_attribute(root, "logit", d.reduction.logit);
    write_attribute(root, "parameterization", d.parameterization);
    write_attribute(root, "precision", to_string(d.shape.precision));
    write_attribute(root, "tile", d.shape.panels.panel_size);
}

/// The tensors whose parameters are the rows: what /parameter_blocks has as datasets.
struct BlockTable {
    std::vector<std::string> tensors;
    std::vector<std::int64_t> first, size;
};

BlockTable block_table(const Network& network) {
    BlockTable table;
    for (const ParameterBlock& block : parameter_blocks(network)) {
        table.tensors.push_back(block.name);
        table.first.push_back(block.first);
        table.size.push_back(block.size);
    }
    return table;
}

void write_block_attributes(const h5::Handle& dataset, const Network& network) {
    const BlockTable table = block_table(network);
    write_attribute(dataset, "tensor", table.tensors);
    write_attribute(dataset, "first", std::span<const std::int64_t>(table.first));
    write_attribute(dataset, "size", std::span<const std::int64_t>(table.size));
}

void write_parameter_blocks(const h5::Handle& file, const Network& network) {
    const BlockTable table = block_table(network);
    h5::create_group(file, "/parameter_blocks");
    write_dataset(file, "/parameter_blocks/tensor", table.tensors);
    write_dataset(file, "/parameter_blocks/first", table.first, length(table.first.size()));
    write_dataset(file, "/parameter_blocks/size", table.size, length(table.size.size()));
}

void write_matrix_attributes(const h5::Handle& file, const KernelMatrix& matrix, const Network& network) {
    const h5::Handle dataset = h5::open_dataset(file, matrix.path);
    write_attribute(dataset, "symmetric", Index{1});
    if (matrix.kind == MatrixKind::ntk) {
        write_attribute(dataset, "long_name", std::string("empirical neural tangent kernel"));
        return;
    }
    if (matrix.kind == MatrixKind::parameter_gram) {
        write_attribute(dataset, "long_name",
                        std::string("Gram matrix of the Jacobian in the space of parameters, J^T J"));
        write_block_attributes(dataset, network);
        return;
    }
    const Layer& layer = network.layers[static_cast<std::size_t>(matrix.layer)];
    write_attribute(dataset, "layer", matrix.layer + 1);
    if (matrix.kind == MatrixKind::conjugate_kernel) {
        write_attribute(dataset, "long_name",
                        fmt::format("conjugate kernel that enters layer {}", layer.name));
        return;
    }
    const bool bias = matrix.kind == MatrixKind::bias_component;
    write_attribute(dataset, "long_name", fmt::format("component of {}", matrix.name));
    write_attribute(dataset, "n_parameters", bias ? layer.fan_out() : layer.weight.size());
    write_attribute(dataset, "fan_in", layer.fan_in());
    write_attribute(dataset, "fan_out", layer.fan_out());
    write_attribute(dataset, "activation", to_string(layer.activation));
    write_attribute(dataset, bias ? "bias_scale" : "weight_scale",
                    bias ? layer.bias_scale : layer.weight_scale);
    write_attribute(dataset, "output_scale", layer.output_scale);
}

void write_samples(const h5::Handle& file, const KernelMetadata& d) {
    write_dataset(file, "/samples", d.samples, length(d.samples.size()));
    if (!d.labels) return;
    if (d.labels->integers) {
        const std::vector<std::int64_t> labels(d.labels->values.begin(), d.labels->values.end());
        write_dataset(file, "/labels", labels, length(labels.size()));
    } else {
        write_dataset(file, "/labels", d.labels->values, length(d.labels->values.size()));
    }
}

void write_component_checks(const h5::Handle& file, const std::vector<ComponentCheck>& components) {
    std::vector<std::string> names;
    std::vector<double> relative, normalized, scale, probe;
    for (const ComponentCheck& check : components) {
        names.push_back(check.name);
        relative.push_back(check.relative_error);
        normalized.push_back(check.normalized_error);
        scale.push_back(check.scale);
        probe.push_back(check.probe_error);
    }
    const auto count = length(components.size());
    write_dataset(file, "/checks/component", names);
    write_dataset(file, "/checks/relative_error", relative, count);
    write_dataset(file, "/checks/normalized_error", normalized, count);
    write_dataset(file, "/checks/scale", scale, count);
    write_dataset(file, "/checks/probe_error", probe, count);
}

void write_square(const h5::Handle& file, const std::string& path, const Matrix<double>& matrix) {
    const std::array<Index, 2> dims{matrix.rows(), matrix.cols()};
    write_dataset(file, path, std::span<const double>(matrix.data(), static_cast<std::size_t>(matrix.size())),
                  dims);
}

void write_checks(const h5::Handle& file, const CheckReport& report) {
    const h5::Handle group = h5::create_group(file, "/checks");
    write_attribute(group, "passed", Index{verdicts(report).empty() ? -1 : passed(report) ? 1 : 0});
    write_attribute(group, "tolerance", report.tolerance);
    write_attribute(group, "seed", static_cast<Index>(report.seed));
    write_attribute(group, "symmetry_error", report.symmetry_error);
    write_attribute(group, "sum_of_components_error", report.sum_of_components_error);
    write_attribute(group, "total_relative_error", report.total.relative_error);
    write_attribute(group, "total_scale", report.total.scale);
    write_attribute(group, "finite_difference_error", report.finite_difference_error);
    write_attribute(group, "finite_difference_steps_rejected", report.steps_rejected);
    write_attribute(group, "finite_difference_decided", report.pairs_decided);
    write_attribute(group, "finite_difference_undecided", report.pairs_undecided);
    write_attribute(group, "smallest_eigenvalue", report.smallest_eigenvalue);
    write_attribute(group, "smallest_diagonal", report.smallest_diagonal);
    write_attribute(group, "probe_error", report.total.probe_error);
    write_attribute(group, "probe_worst_row", report.worst_probe_row);
    write_attribute(group, "conjugate_kernel_error", report.conjugate_error);
    write_attribute(group, "samples_near_kink", report.samples_near_kink);
    if (!std::isnan(report.trace_error)) write_attribute(group, "trace_error", report.trace_error);
    if (!std::isnan(report.outputs_error)) write_attribute(group, "outputs_error", report.outputs_error);
    if (!std::isnan(report.accuracy)) write_attribute(group, "accuracy", report.accuracy);
    write_attribute(group, "first_failure", first_failure(report));
    write_attribute(group, "conditioning", report.amplification);
    if (!report.run) return;
    write_component_checks(file, report.components);
    write_dataset(file, "/checks/samples", report.samples, length(report.samples.size()));
    if (report.jacobian_ntk.size() == 0) return;  // J^T J is compared tile by tile
    write_square(file, "/checks/jacobian_ntk", report.jacobian_ntk);
    write_square(file, "/checks/layerwise_ntk", report.layerwise_ntk);
}

void write_checksums(const h5::Handle& file, const KernelMetadata& d) {
    const Index tiles = d.shape.panels.count();
    const std::array<Index, 2> dims{tiles, tiles};
    h5::create_group(file, "/checksums");
    for (std::size_t m = 0; m < d.checksums.size(); ++m) {
        write_dataset(file, "/checksums" + d.shape.matrices[m].path, d.checksums[m], dims);
    }
}

/// Of all that was written before, so that nothing may be written after it.
void write_contents_checksum(const h5::Handle& file, const KernelShape& shape) {
    std::set<std::string> matrices;
    for (const KernelMatrix& matrix : shape.matrices) matrices.insert(matrix.path);
    const h5::Handle group = h5::open_group(file, "/checksums");
    write_attribute(group, contents_attribute, contents_checksum(file, matrices));
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
    std::vector<std::string> inputs;
    for (const FileDigest& input : provenance.inputs) {
        const nlohmann::json entry{{"name", input.path}, {"bytes", input.bytes}, {"sha256", input.sha256}};
        inputs.push_back(entry.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    write_attribute(group, "command_line", provenance.command_line);
    write_attribute(group, "configuration", provenance.configuration);
    write_attribute(group, "identity", provenance.identity);
    write_attribute(group, "inputs", inputs);
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
    for (const char* name :
         {"/samples", "/labels", "/parameter_blocks", "/checks", "/checksums", "/timing", "/provenance"})
        h5::remove(file, name);
    for (const char* name : root_scales) h5::remove(file, name);
    for (const KernelMatrix& matrix : metadata.shape.matrices) {
        write_matrix_attributes(file, matrix, metadata.network);
    }
    if (metadata.shape.space() == Space::samples) {
        h5::create_group(file, "/components");  // there, if empty, with --components none
    } else {
        write_parameter_blocks(file, metadata.network);
    }
    write_samples(file, metadata);
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
