#include "tangram/commands/spectrum.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/error.hpp"

namespace tangram {

void add_spectrum_options(CLI::App& app, SpectrumOptions& options) {
    app.add_option("file", options.file, "the kernel file")->required()->type_name("FILE.h5");
    app.add_option(
           "--of", options.of,
           "ntk or parameter_gram, whichever there is (default); components/NAME, conjugate_kernels/NAME, several with commas, or all")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("LIST");
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
    app.add_option("--targets-are", options.targets.kind,
                   "labels, numbers, or auto: what is stored as integers or texts is labels (auto)");
    CLI::Option* plain = app.add_flag("--targets-plain", options.targets_plain,
                                      "project them as they are, not less their column means");
    app.add_option("--prior", options.targets.prior,
                   "outputs: project them less the network's outputs (none)")
        ->excludes(plain)
        ->type_name("none|outputs");
    app.add_option("--output", options.output, "where to write them (FILE.spectrum.h5)")->type_name("S.h5");
    app.add_option("--threads", options.threads, "threads of LAPACK on one rank (its share of the cores)");
    app.add_flag("--overwrite", options.overwrite, "replace an output that is there");
    add_config_option(app);
}

void validate(const SpectrumOptions& options) {
    if (options.file.empty()) fail(ExitCode::usage, "the name of the kernel file is empty: name a file");
    require_one_of("--targets-are", options.targets.kind, {"auto", "labels", "numbers"});
    require_one_of("--prior", options.targets.prior, {"auto", "none", "outputs"});
    const bool is_about_targets =
        options.targets_plain || options.targets.prior != "auto" || options.targets.kind != "auto";
    if (options.targets.location.empty() && is_about_targets)
        fail(ExitCode::usage,
             "--targets-are, --targets-plain and --prior are about targets: give --targets too");
    if (options.top) require_between("--top", *options.top, 1, std::int64_t{1} << 40);
    if (options.threads) require_between("--threads", *options.threads, 1, 4096);
}

}  // namespace tangram
