#include "tangram/commands/spectrum.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/error.hpp"

namespace tangram {

void add_spectrum_options(CLI::App& app, SpectrumOptions& options) {
    app.add_option("file", options.file, "the kernel file; none where --model and --data are given")
        ->type_name("FILE.h5");
    add_list(
        app, "--of", options.of,
        "ntk or parameter_gram, whichever there is (default); components/NAME, conjugate_kernels/NAME, several with commas, or all");
    CLI::Option* values = app.add_flag("--values", options.values, "eigenvalues only (default)");
    CLI::Option* vectors =
        app.add_flag("--vectors", options.vectors, "and all eigenvectors")->excludes(values);
    app.add_option("--top", options.top, "and the eigenvectors of the K largest")
        ->excludes(values)
        ->excludes(vectors)
        ->type_name("K");
    app.add_option(
           "--targets", options.targets.location,
           "labels or numbers of the samples: what each eigenvector explains of them, their alignment with the kernel, GCV")
        ->type_name("FILE[:DATASET]");
    one_of(app.add_option("--targets-are", options.targets.kind,
                          "what the targets are; auto: what is stored as integers or texts is labels (auto)"),
           {"auto", "labels", "numbers"});
    CLI::Option* plain = app.add_flag("--targets-plain", options.targets_plain,
                                      "project them as they are, not less their column means");
    one_of(app.add_option("--prior", options.targets.prior,
                          "outputs: project them less the network's outputs (none)"),
           {"none", "outputs"})
        ->excludes(plain);
    app.add_option("--output", options.output, "where to write them (FILE.spectrum.h5)")->type_name("S.h5");
    app.add_option("--threads", options.threads, "threads of LAPACK on one rank (its share of the cores)");
    app.add_flag("--overwrite", options.overwrite, "replace an output that is there");
    const std::string group = "Without a kernel file";
    app.add_option(
           "--estimate", options.estimate,
           "M random vectors: squared norm, and at each --ridge degrees of freedom and log det, with 95 % intervals")
        ->type_name("M")
        ->group(group);
    add_list(app, "--ridge", options.ridges,
             "of --estimate: numbers with commas, 1e-4m for so much of the mean diagonal")
        ->group(group);
    app.add_flag("--density", options.density, "and the density of eigenvalues, of --estimate vectors (16)")
        ->group(group);
    app.add_option("--lanczos-steps", options.lanczos_steps, "products a random vector (100)")->group(group);
    app.add_option("--vector-seed", options.seed, "of the random vectors (0)")->type_name("S")->group(group);
    app.add_flag("--dry-run", options.dry_run, "print what it would take in memory and time, and stop")
        ->group(group);
    add_matrix_free_options(app, options.matrix_free);
    add_loss_row_options(app, options.matrix_free.source);
    add_config_option(app);
}

namespace {

void validate_matrix_free(const SpectrumOptions& o) {
    if (o.output.empty()) fail(ExitCode::usage, "--output is required with --model: name the file to write");
    if (!o.top && o.estimate == 0 && !o.density)
        fail(ExitCode::usage, "--model needs --top K, --estimate M or --density: say what is wanted");
    require_between("--estimate", o.estimate, 0, 100000);
    require_between("--lanczos-steps", o.lanczos_steps, 2, 10000);
    require_between("--vector-seed", o.seed, 0, std::int64_t{1} << 62);
    if (!o.ridges.empty() && o.estimate == 0)
        fail(ExitCode::usage, "--ridge is of --estimate: give --estimate M too");
    if (!o.targets.location.empty() && !o.top)
        fail(ExitCode::usage, "--targets are projected on the --top vectors: give --top K too");
    validate(with_options_of_command(o));
}

}  // namespace

void validate(const SpectrumOptions& options) {
    refuse_other_way(
        options.matrix_free, options.file,
        {{"--of", !options.of.empty()}, {"--vectors", options.vectors}, {"--values", options.values}},
        {{"--data", !options.matrix_free.source.samples.locations.empty()},
         {"--estimate", options.estimate != 0},
         {"--ridge", !options.ridges.empty()},
         {"--density", options.density},
         {"--dry-run", options.dry_run},
         {"--resume", options.matrix_free.source.resume}});
    if (is_given(options.matrix_free)) validate_matrix_free(options);
    const bool is_about_targets =
        options.targets_plain || options.targets.prior != "auto" || options.targets.kind != "auto";
    if (options.targets.location.empty() && is_about_targets)
        fail(ExitCode::usage,
             "--targets-are, --targets-plain and --prior are about targets: give --targets too");
    if (options.top) require_between("--top", *options.top, 1, std::int64_t{1} << 40);
    if (options.threads) require_between("--threads", *options.threads, 1, 4096);
}

}  // namespace tangram
