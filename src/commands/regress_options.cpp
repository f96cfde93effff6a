// The option table of `tangram regress`.

#include "tangram/commands/regress.hpp"
#include "tangram/regression/choices.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/error.hpp"

#include <cmath>

namespace tangram {

namespace {

void add_target_options(CLI::App& app, RegressOptions& o) {
    const std::string group = "Targets";
    app.add_option(
           "--targets", o.targets.location,
           "what is to be predicted: integer labels, or numbers (N, T); one row a sample, or one a row of the samples' input")
        ->required()
        ->type_name("FILE[:DATASET]")
        ->group(group);
    app.add_option(
           "--test", o.test,
           "the kernel of test samples against these, made with 'tangram kernel --test'; with --model the test samples")
        ->type_name("CROSS.h5")
        ->group(group);
    app.add_option("--test-targets", o.test_targets, "targets of the test samples")
        ->type_name("FILE[:DATASET]")
        ->group(group);
    one_of(app.add_option("--targets-are", o.targets.kind,
                          "what the targets are; auto: what is stored as integers or texts is labels (auto)"),
           {"auto", "labels", "numbers"})
        ->group(group);
    one_of(app.add_option("--one-hot", o.targets.code,
                          "labels of K classes: centred, ones and zeros minus 1/K (default), or plain"),
           {"centred", "plain"})
        ->group(group);
    one_of(app.add_option("--prior", o.targets.prior,
                          "f0: none (default for labels) or the network's outputs (default for numbers)"),
           {"none", "outputs"})
        ->group(group);
    app.add_flag("--drop-duplicates", o.drop_duplicates,
                 "leave test samples that are training samples out of the scores")
        ->group(group);
}

void add_kernel_options(CLI::App& app, RegressOptions& o) {
    const std::string group = "Kernel";
    app.add_option("--kernel-scale", o.kernel_scale,
                   "K is the stored matrix times this (trace: 1 / C, the kernel of one output; others: 1)")
        ->group(group);
    app.add_option("--prior-variance", o.prior_variance, "of every parameter: multiplies K (1)")
        ->group(group);
    add_list(app, "--components", o.components,
             "regress on the sum of these components, shell patterns on tensor names (the whole kernel)")
        ->group(group);
}

void add_regression_options(CLI::App& app, RegressOptions& o) {
    const std::string group = "Regression";
    add_list(
        app, "--ridge", o.ridges,
        "lambda: numbers with commas, 1e-4m for so much of the mean diagonal, 0 for minimum norm above the noise, or auto: 41 from the noise to the largest eigenvalue (auto, without --times)")
        ->group(group);
    one_of(app.add_option(
               "--solver", o.solver,
               "cholesky: one ridge; eigen: any number, and times; auto: the first where it will do (auto)"),
           {"auto", "cholesky", "eigen"})
        ->group(group);
    app.add_option("--eigen", o.eigen, "eigenvectors that 'tangram spectrum --vectors' made of this kernel")
        ->type_name("S.h5")
        ->group(group);
    one_of(
        app.add_option(
            "--scores", o.scores,
            "all, or likelihood: without leave-one-out, GCV, freedom, which cost Cholesky as much again (all)"),
        {"all", "likelihood"})
        ->group(group);
}

void add_flow_options(CLI::App& app, RegressOptions& o) {
    const std::string group = "Training of the linearised network";
    add_list(app, "--times", o.times, "gradient flow to these times, inf too")->group(group);
    add_list(app, "--steps", o.steps, "full-batch descent of so many steps")->group(group);
    app.add_option("--learning-rate", o.learning_rate, "of --steps")->group(group);
    one_of(
        app.add_option(
            "--loss", o.loss,
            "of times and steps: sum, 1/2 sum of squares (default); mean-half, half the mean, as neural-tangents has it; mse, the mean, as PyTorch has it"),
        {"sum", "mean-half", "mse"})
        ->group(group);
}

void add_attribution_options(CLI::App& app, RegressOptions& o) {
    const std::string group = "Attribution";
    app.add_option(
           "--attribution", o.attribution,
           "the K training samples with the largest influence on each test prediction, and the K most negative")
        ->type_name("K")
        ->group(group);
    one_of(
        app.add_option(
            "--attribution-by", o.attribution_by,
            "left-out: what leaving the sample out takes away (default), or representer: its term of the prediction"),
        {"left-out", "representer"})
        ->group(group);
    app.add_option("--attribution-output", o.attribution_output, "of this output (the largest prediction's)")
        ->type_name("K")
        ->group(group);
}

}  // namespace

void add_regress_options(CLI::App& app, RegressOptions& o) {
    app.add_option("file", o.file,
                   "the kernel file of the training samples; none where --model and --data are given")
        ->type_name("TRAIN.h5");
    add_target_options(app, o);
    add_kernel_options(app, o);
    add_regression_options(app, o);
    add_flow_options(app, o);
    add_attribution_options(app, o);
    app.add_option("--output", o.output, "where to write it all")->required()->type_name("R.h5");
    app.add_option("--csv", o.csv, "and the table, a line a ridge or a time")->type_name("FILE");
    app.add_option("--threads", o.threads, "threads of BLAS a rank (its share of the cores)");
    app.add_flag("--overwrite", o.overwrite, "replace an output that is there");
    app.add_flag("--dry-run", o.dry_run, "print what it would take in memory and time, and stop");
    const std::string group = "Without a kernel file";
    app.add_option("--test-rows", o.matrix_free.source.test.rows, "rows A to B - 1 of --test only")
        ->type_name("A:B")
        ->group(group);
    app.add_option("--preconditioner", o.preconditioner, "random vectors that it is made of; 0: none (100)")
        ->type_name("L")
        ->group(group);
    add_matrix_free_options(app, o.matrix_free);
    add_config_option(app);
}

MatrixFreeOptions matrix_free_options(const RegressOptions& options) {
    MatrixFreeOptions its = with_options_of_command(options);
    if (!options.test.empty()) its.source.test.locations = {options.test};
    return its;
}

namespace {

void validate_matrix_free(const RegressOptions& o) {
    const KernelOptions& source = o.matrix_free.source;
    const bool is_of_losses = source.reduction == "loss" || source.reduction == "margin";
    if (is_of_losses || source.weights) {
        fail(
            ExitCode::usage,
            "{} has gradients of a loss in the place of outputs, which targets could be of: take another reduction",
            is_of_losses ? "--reduction " + source.reduction : "--weights sqrt-hessian");
    }
    if (o.ridges.size() != 1 || o.ridges.front() == "auto") {
        fail(ExitCode::usage,
             "--model needs one --ridge: give a number above 0, or 1e-4m for so much of the mean diagonal");
    }
    require_between("--preconditioner", o.preconditioner, 0, 100000);
    validate(matrix_free_options(o));
}

}  // namespace

void validate(const RegressOptions& o) {
    refuse_other_way(o.matrix_free, o.file,
                     {{"--components", !o.components.empty()},
                      {"--times", !o.times.empty()},
                      {"--steps", !o.steps.empty()},
                      {"--eigen", !o.eigen.empty()},
                      {"--attribution", o.attribution > 0},
                      {"--solver", o.solver != "auto"},
                      {"--drop-duplicates", o.drop_duplicates}},
                     {{"--data", !o.matrix_free.source.samples.locations.empty()},
                      {"--test-rows", !o.matrix_free.source.test.rows.empty()},
                      {"--resume", o.matrix_free.source.resume}});
    if (is_given(o.matrix_free)) validate_matrix_free(o);
    if (o.output.empty()) fail(ExitCode::usage, "the name of the output is empty: name a file");
    if (o.threads) require_between("--threads", *o.threads, 1, 4096);
    if (o.kernel_scale && !(*o.kernel_scale > 0 && std::isfinite(*o.kernel_scale)))
        fail(ExitCode::usage, "--kernel-scale is {}: give a positive number", *o.kernel_scale);
    if (!(o.prior_variance > 0 && std::isfinite(o.prior_variance)))
        fail(ExitCode::usage, "--prior-variance is {}: give a positive number", o.prior_variance);
    const bool is_automatic = o.ridges == std::vector<std::string>{"auto"};
    if (!is_automatic) parse_ridges(o.ridges, 1);
    parse_times(o.times, "--times");
    const std::vector<double> steps = parse_times(o.steps, "--steps");
    if (!steps.empty() && !o.times.empty())
        fail(ExitCode::usage, "--steps and --times are both given: give one of them");
    if (steps.empty() != !o.learning_rate)
        fail(ExitCode::usage, "--steps and --learning-rate go together: give both, or neither");
    if (o.learning_rate && !(*o.learning_rate > 0 && std::isfinite(*o.learning_rate)))
        fail(ExitCode::usage, "--learning-rate is {}: give a positive number", *o.learning_rate);
    if (o.test.empty() && (!o.test_targets.empty() || o.attribution > 0 || o.drop_duplicates)) {
        fail(
            ExitCode::usage,
            "--test-targets, --attribution and --drop-duplicates are about test samples: give --test CROSS.h5 too");
    }
    if (o.attribution != 0) require_between("--attribution", o.attribution, 1, std::int64_t{1} << 32);
    if (o.attribution > 0 && o.ridges.empty() && !(o.times.empty() && o.steps.empty()))
        fail(ExitCode::usage, "--attribution explains a regression: give --ridge too");
    if (o.attribution > 0 && o.attribution_by == "left-out" && o.scores == "likelihood")
        fail(ExitCode::usage, "--attribution takes left-out residuals: leave --scores likelihood out");
    const bool needs_modes =
        o.ridges.size() > 1 || is_automatic || !o.times.empty() || !steps.empty() || !o.eigen.empty();
    if (o.solver == "cholesky" && (needs_modes || o.ridges.empty()))
        fail(ExitCode::usage, "--solver cholesky goes with one number of --ridge and no times");
}

}  // namespace tangram
