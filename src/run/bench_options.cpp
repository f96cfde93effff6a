#include "tangram/run/bench_options.hpp"

#include "tangram/run/options.hpp"
#include "tangram/support/error.hpp"

namespace tangram {

void add_bench_options(CLI::App& app, BenchOptions& o) {
    app.add_option("--samples", o.samples, "how many N(0, 1) samples (8192)");
    add_list(app, "--widths", o.widths, "d_0,d_1,..,C of a random tanh network (1024,1024,1024,1)");
    app.add_option("--model", o.model, "an ONNX file in the place of the random network")->type_name("FILE");
    app.add_option("--logit", o.logit, "the kernel of one output, in the place of a --reduction");
    one_of(app.add_option("--reduction", o.reduction, "over outputs (trace)"),
           {"trace", "mean", "sum", "full"});
    one_of(app.add_option("--precision", o.precision, "of the matrices in the file (float32)"),
           {"float32", "float64"});
    one_of(app.add_option("--components", o.components, "store one matrix a parameter tensor (none)"),
           {"all", "none"});
    app.add_option("--repeat", o.repeat, "rounds, of which medians are reported (5)");
    app.add_option("--gemm-seconds", o.gemm_seconds,
                   "how long large matrices are multiplied, twice a round (1)");
    app.add_flag("--json", o.json, "the numbers as one JSON object in the place of the table");
    app.add_option("--threads", o.threads, "threads a rank (its share of the cores)");
    app.add_option("--tile", o.tile, "samples a panel (by N and the network)");
    app.add_option("--directory", o.directory, "where the write tests go (.)")->type_name("DIR");
    add_config_option(app);
}

void validate(const BenchOptions& options) {
    require_between("--samples", options.samples, 1, std::int64_t{1} << 32);
    require_widths(options.widths);
    if (options.logit) require_between("--logit", *options.logit, 0, std::int64_t{1} << 32);
    require_between("--repeat", options.repeat, 1, 1000);
    require_finite(options.gemm_seconds, "--gemm-seconds");
    if (options.gemm_seconds <= 0 || options.gemm_seconds > 1000)
        fail(ExitCode::usage, "--gemm-seconds is {}: give seconds from 0 on, at most 1000",
             options.gemm_seconds);
    if (options.threads) require_between("--threads", *options.threads, 1, 4096);
    if (options.tile) require_between("--tile", *options.tile, 1, 16384);
    if (options.directory.empty()) fail(ExitCode::usage, "--directory is empty: name a directory");
}

}  // namespace tangram
