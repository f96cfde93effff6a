#include "tangram/commands/kernel.hpp"
#include "tangram/commands/options.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/progress.hpp"
#include "tangram/tangent/reduction.hpp"

#include <spdlog/common.h>

namespace tangram {

namespace {

/// A list given as one word, "1,2,3".
template <class T>
CLI::Option* add_list(CLI::App& app, const std::string& name, std::vector<T>& list, const std::string& help) {
    return app.add_option(name, list, help)->delimiter(',')->allow_extra_args(false)->type_name("LIST");
}

void add_network_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Network";
    app.add_option("--model", o.model, "trained network, safetensors or HDF5: FILE or FILE:GROUP")
        ->required()
        ->type_name("FILE[:GROUP]")
        ->group(group);
    add_list(app, "--activation", o.network.activations,
             "of the hidden layers: one name for all, or one each")
        ->group(group);
    app.add_option("--output-activation", o.network.output_activation, "of the last layer (identity)")
        ->group(group);
    app.add_option("--parameterization", o.network.parameterization,
                   "standard (default), ntk, or post-activation (torchntk)")
        ->group(group);
    add_list(app, "--weight-std", o.network.weight_std, "ntk: weight std, one for all or one a layer (1)")
        ->group(group);
    add_list(app, "--bias-std", o.network.bias_std, "ntk: bias std, one for all or one a layer")
        ->group(group);
    add_list(app, "--weight-scale", o.network.weight_scale, "a_l of z = a W x + b B, one a layer")
        ->group(group);
    add_list(app, "--bias-scale", o.network.bias_scale, "b_l of z = a W x + b B, one a layer")->group(group);
    add_list(app, "--output-scale", o.network.output_scale, "c_l of x = c phi(z), one a layer")->group(group);
    add_list(app, "--layers", o.network.layer_order,
             "modules from first to last, where their names do not tell")
        ->group(group);
}

void add_sample_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Samples";
    app.add_option("--data", o.samples.location, "samples (N, ..), floats or integers")
        ->required()
        ->type_name("FILE:DATASET")
        ->group(group);
    app.add_option("--rows", o.samples.rows, "rows A to B - 1 only")->type_name("A:B")->group(group);
    app.add_option("--indices", o.samples.indices, "these rows only, in this order")
        ->type_name("FILE:DATASET")
        ->group(group);
    app.add_option("--data-scale", o.samples.scale, "x <- scale x + shift (1)")->group(group);
    app.add_option("--data-shift", o.samples.shift, "x <- scale x + shift (0)")->group(group);
    app.add_option("--labels", o.labels, "labels, copied into the output")
        ->type_name("FILE:DATASET")
        ->group(group);
    app.add_option("--expect-outputs", o.expected_outputs,
                   "your own outputs (N, C): checks that the network is yours")
        ->type_name("FILE:DATASET")
        ->group(group);
}

void add_result_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Kernel";
    app.add_option("--output", o.output, "the HDF5 file to write")
        ->required()
        ->type_name("OUT.h5")
        ->group(group);
    app.add_option("--space", o.space,
                   "samples (default): J J^T; params: J^T J; minima: whichever is smaller")
        ->group(group);
    CLI::Option* reduction =
        app.add_option("--reduction", o.reduction, "over outputs: trace (default), mean, sum, full")
            ->group(group);
    app.add_option("--logit", o.logit, "the kernel of this output alone (from 0)")
        ->excludes(reduction)
        ->group(group);
    app.add_option("--components", o.components,
                   "store one matrix a parameter tensor: all (default), none; of samples only")
        ->group(group);
    app.add_option("--conjugate-kernels", o.conjugate_kernels,
                   "Grams of the layers' inputs: last (default), all, none; of samples only")
        ->group(group);
    app.add_option("--precision", o.precision, "float32 (default), float64")->group(group);
}

void add_run_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Run";
    app.add_option("--tile", o.tile, "samples, or parameters, a panel (by N and the network)")->group(group);
    app.add_option("--threads", o.threads, "threads a rank (its share of the cores)")->group(group);
    app.add_option("--check-samples", o.check_samples,
                   "samples checked against the explicit Jacobian (16); 0: no checks")
        ->group(group);
    app.add_option("--check-tolerance", o.check_tolerance,
                   "largest error (1e-5 in float32, 1e-10 in float64)")
        ->group(group);
    app.add_option("--memory", o.memory, "GiB a rank may take (its share of what the node has left)")
        ->type_name("GIB")
        ->group(group);
    app.add_flag("--dry-run", o.dry_run, "print what the run would take in memory, disk and time, and stop")
        ->group(group);
    app.add_option("--progress", o.progress,
                   "auto (default): a bar on a terminal, else lines; bar, lines, off")
        ->expected(0, 1)
        ->default_str("auto")
        ->group(group);
    app.add_option("--max-seconds", o.max_seconds, "then stop in order, to be resumed: exit code 75")
        ->group(group);
    app.add_option("--checkpoint-seconds", o.checkpoint_seconds,
                   "between two notes in the journal of what is on disk (30)")
        ->group(group);
    app.add_option("--stop-after-tiles", o.stop_after_tiles,
                   "stop after so many tiles, to be resumed: for tests")
        ->group(group);
    app.add_option("--hint", o.hints,
                   "told to MPI-IO when it creates the output, such as striping_factor=8; may be repeated")
        ->allow_extra_args(false)
        ->type_name("KEY=VALUE")
        ->group(group);
    app.add_flag("--resume", o.resume, "go on with the partial output of a run that stopped or died")
        ->group(group);
    app.add_flag("--overwrite", o.overwrite,
                 "replace an output that is there; with --resume only one that cannot be resumed")
        ->group(group);
    app.add_option("--log-level", o.log_level, "trace, debug, info (default), warn, error, off")
        ->group(group);
}

void require_seconds(const std::string& option, double seconds) {
    require_finite(seconds, option);
    if (seconds < 0 || seconds > 1e9)
        fail(ExitCode::usage, "{} is {}: give seconds from 0 on", option, seconds);
}

}  // namespace

void add_kernel_options(CLI::App& app, KernelOptions& options) {
    add_network_options(app, options);
    add_sample_options(app, options);
    add_result_options(app, options);
    add_run_options(app, options);
    add_config_option(app);
}

h5::MpiIoHints parse_hints(const std::vector<std::string>& hints) {
    h5::MpiIoHints parsed;
    for (const std::string& hint : hints) {
        const std::size_t equals = hint.find('=');
        const std::string key = hint.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : hint.substr(equals + 1);
        if (key.empty() || value.empty() || key.size() >= MPI_MAX_INFO_KEY ||
            value.size() >= MPI_MAX_INFO_VAL) {
            fail(ExitCode::usage,
                 "--hint '{}' is not KEY=VALUE, of less than {} and {} characters: as in striping_factor=8",
                 hint, MPI_MAX_INFO_KEY, MPI_MAX_INFO_VAL);
        }
        parsed.emplace_back(key, value);
    }
    return parsed;
}

void validate(const KernelOptions& options) {
    parse_hints(options.hints);
    if (options.output.empty()) fail(ExitCode::usage, "--output is empty: name the file to write");
    for (const std::string& name : options.network.activations) parse_activation(name);
    if (options.network.output_activation) parse_activation(*options.network.output_activation);
    if (options.network.parameterization) canonical_parameterization(*options.network.parameterization);
    if (options.samples.scale) require_finite(*options.samples.scale, "--data-scale");
    if (options.samples.shift) require_finite(*options.samples.shift, "--data-shift");
    if (!options.samples.rows.empty() && !options.samples.indices.empty()) {
        fail(ExitCode::usage, "--rows and --indices are both given: choose one");
    }
    parse_reduction(options.reduction);
    parse_precision(options.precision);
    require_one_of("--space", options.space, {"samples", "params", "minima"});
    if (options.space == "params" && options.reduction == "full") {
        fail(
            ExitCode::usage,
            "--reduction full has no meaning with --space params, where outputs are summed over: give trace");
    }
    if (options.space == "params" && options.conjugate_kernels.value_or("none") != "none") {
        fail(ExitCode::usage,
             "--conjugate-kernels are of samples, --space params is of parameters: drop one of them");
    }
    require_one_of("--components", options.components, {"all", "none"});
    if (options.conjugate_kernels)
        require_one_of("--conjugate-kernels", *options.conjugate_kernels, {"last", "all", "none"});
    require_one_of("--log-level", options.log_level, {"trace", "debug", "info", "warn", "error", "off"});
    parse_progress_style(options.progress);
    if (options.memory) {
        require_finite(*options.memory, "--memory");
        if (*options.memory <= 0 || *options.memory > 1e6) {
            fail(ExitCode::usage, "--memory is {}: give the GiB that one rank may take", *options.memory);
        }
    }
    if (options.max_seconds) require_seconds("--max-seconds", *options.max_seconds);
    require_seconds("--checkpoint-seconds", options.checkpoint_seconds);
    if (options.stop_after_tiles)
        require_between("--stop-after-tiles", *options.stop_after_tiles, 0, std::int64_t{1} << 40);
    if (options.logit) require_between("--logit", *options.logit, 0, std::int64_t{1} << 40);
    if (options.tile) require_between("--tile", *options.tile, 1, 16384);
    if (options.threads) require_between("--threads", *options.threads, 1, 4096);
    require_between("--check-samples", options.check_samples, 0, std::int64_t{1} << 40);
    if (options.check_tolerance) {
        require_finite(*options.check_tolerance, "--check-tolerance");
        if (*options.check_tolerance <= 0) {
            fail(ExitCode::usage, "--check-tolerance is {}: give a positive number",
                 *options.check_tolerance);
        }
    }
}

}  // namespace tangram
