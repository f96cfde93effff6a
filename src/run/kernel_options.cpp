#include "tangram/run/kernel_options.hpp"

#include "input_options.hpp"
#include "tangram/input/operator_list.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/error.hpp"

namespace tangram {

namespace {

void add_reduction_options(CLI::App& app, KernelOptions& o, const std::string& group) {
    CLI::Option* reduction =
        app.add_option(
               "--reduction", o.reduction,
               "over outputs: trace (default), mean, sum, full; or of one gradient a sample: loss, margin (log p/(1-p) of the class)")
            ->type_name("trace|mean|sum|full|loss|margin")
            ->group(group);
    app.add_option("--logit", o.logit, "the kernel of this output alone (from 0)")
        ->excludes(reduction)
        ->group(group);
    add_list(app, "--outputs", o.outputs, "these outputs only, from 0, as in 0,3,5:8 (all)")->group(group);
    app.add_option("--project-outputs", o.project_outputs,
                   "K random +-1/sqrt(K) combinations of the outputs in their place; unbiased for trace")
        ->type_name("K")
        ->group(group);
    app.add_option("--seed", o.seed, "of the combinations' signs (0)")->type_name("S")->group(group);
    one_of(
        app.add_option(
            "--weights", o.weights,
            "sqrt-hessian: rows sqrt(p_r) (e_r - p)^T J, the root of the cross-entropy's Gauss-Newton matrix"),
        {"sqrt-hessian"})
        ->group(group);
}

void add_loss_option(CLI::App& app, KernelOptions& o, const std::string& group) {
    one_of(app.add_option(
               "--loss", o.loss,
               "of --reduction loss, of each sample: cross-entropy (of logits) or mse (mean over outputs)"),
           {"cross-entropy", "mse"})
        ->group(group);
}

void add_output_option(CLI::App& app, KernelOptions& o) {
    app.add_option("--output", o.output, "the HDF5 file to write")
        ->required()
        ->type_name("OUT.h5")
        ->group("Kernel");
}

void add_result_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Kernel";
    one_of(app.add_option("--space", o.space,
                          "samples (default): J J^T; params: J^T J; minima: whichever is smaller"),
           {"samples", "params", "minima"})
        ->group(group);
    add_reduction_options(app, o, group);
    add_loss_option(app, o, group);
    one_of(app.add_option("--components", o.components,
                          "store one matrix a parameter tensor: all (default), none; of samples only"),
           {"all", "none"})
        ->group(group);
    one_of(
        app.add_option(
            "--store", o.store,
            "the matrices in the file: all (default); lower: the tiles on and below the diagonal, half the bytes; ntk, as --components none; none, only what --measure has of them"),
        {"all", "ntk", "lower", "none"})
        ->group(group);
    one_of(
        app.add_option(
            "--measure", o.measure,
            "norms, alignments, row sums, diagonals, class means of every kernel as tiles come by: basic (default with --store none); gram: also of all with each other; of samples only"),
        {"basic", "gram"})
        ->group(group);
    app.add_option("--top-neighbours", o.top_neighbours,
                   "keep the K largest and smallest entries of each row, with their columns; of samples only")
        ->type_name("K")
        ->group(group);
    one_of(app.add_option("--conjugate-kernels", o.conjugate_kernels,
                          "Grams of the layers' inputs: last (default), all, none; of samples only"),
           {"last", "all", "none"})
        ->group(group);
}

void add_precision_option(CLI::App& app, KernelOptions& o) {
    one_of(app.add_option("--precision", o.precision, "of the matrices (float32)"), {"float32", "float64"})
        ->group("Kernel");
}

void add_run_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Run";
    app.add_option("--tile", o.tile, "samples, or parameters, a panel (by N and the network)")->group(group);
    app.add_option("--threads", o.threads, "threads a rank (its share of the cores)")->group(group);
    app.add_option(
           "--check-samples", o.check_samples,
           "samples checked against the explicit Jacobian (16; of a graph as many as a fifth of the run allows, 3 at least); 0: no checks")
        ->group(group);
    app.add_option("--check-tolerance", o.check_tolerance,
                   "largest error (1e-5 in float32, 1e-10 in float64)")
        ->group(group);
    app.add_option("--memory", o.memory, "GiB a rank may take (its share of what the node has left)")
        ->type_name("GIB")
        ->group(group);
    app.set_version_flag(
           "--list-operators", list_operators,
           "print the operators of ONNX that are read, and what of them is differentiated, and stop")
        ->group(group);
    app.add_flag("--dry-run", o.dry_run, "print what the run would take in memory, disk and time, and stop")
        ->group(group);
    app.add_option("--ranks", o.ranks,
                   "with --dry-run: plan for so many ranks like this one, which need not be there")
        ->type_name("P")
        ->group(group);
    one_of(app.add_option("--progress", o.progress, "auto (default): a bar on a terminal, else lines"),
           {"auto", "bar", "lines", "off"})
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
        ->group("");  // for tests: not in the help
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
    one_of(app.add_option("--log-level", o.log_level, "what is said on stderr (info)"),
           {"trace", "debug", "info", "warn", "error", "off"})
        ->group(group);
}

}  // namespace

void add_kernel_options(CLI::App& app, KernelOptions& options) {
    add_source_options(app, options);
    add_network_options(app, options);
    add_sample_options(app, options);
    add_label_options(app, options);
    add_expected_outputs_option(app, options);
    add_test_set_options(app, options);
    add_test_label_options(app, options);
    add_output_option(app, options);
    add_result_options(app, options);
    add_precision_option(app, options);
    add_run_options(app, options);
    add_config_option(app);
}

void add_run_over_models_options(CLI::App& app, KernelOptions& options) {
    add_network_options(app, options);
    add_sample_options(app, options);
    add_label_options(app, options);
    add_reduction_options(app, options, "Kernel");
    add_loss_option(app, options, "Kernel");
    add_precision_option(app, options);
    add_run_options(app, options);
    add_config_option(app);
}

void add_gradient_options(CLI::App& app, KernelOptions& options) {
    add_source_options(app, options);
    add_network_options(app, options);
    add_sample_options(app, options);
    add_reduction_options(app, options, "Network");
}

void add_loss_row_options(CLI::App& app, KernelOptions& options) {
    const std::string group = "Network";
    add_loss_option(app, options, group);
    app.add_option("--labels", options.labels, "the samples' classes, for --reduction loss and margin")
        ->type_name("FILE[:DATASET]")
        ->group(group);
}

std::optional<std::string> measure_level(const KernelOptions& options) {
    if (options.drift) return "drift";
    if (options.measure) return options.measure;
    return options.store == "none" ? std::optional<std::string>("basic") : std::nullopt;
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

}  // namespace tangram
