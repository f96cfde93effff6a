#include "kernel_run.hpp"
#include "tangram/output/entry_check.hpp"
#include "tangram/output/jacobian_check.hpp"
#include "tangram/output/parameter_gram_check.hpp"
#include "tangram/support/fault.hpp"

namespace tangram {

namespace {

/// Seed of the probe vector and of the finite differences' directions: fixed, so that a check can be
/// repeated.
constexpr std::uint64_t check_seed = 1;

}  // namespace

CheckReport check_kernel(const Run& run, const Computed& computed) {
    run.progress.begin("check");
    const auto timed = run.timer.measure(Phase::check);
    const Inputs& inputs = run.inputs;
    fault_point("check", run.world.rank());
    CheckReport report;
    report.run = run.options.check_samples > 0;
    report.seed = check_seed;
    report.tolerance_is_given = run.options.check_tolerance.has_value();
    report.tolerance = run.options.check_tolerance.value_or(default_tolerance(run.shape.precision));
    if (computed.expected)
        check_expected_outputs(run.world, *computed.expected, computed.outputs.view(), report);
    if (inputs.labels) {
        check_labels(run.world, *inputs.labels, run.distribution.shard_samples.begin, run.shape.samples,
                     computed.outputs.view(), report);
    }
    if (!report.run) return report;
    report.samples = spread_check_samples(run.shape.samples, run.options.check_samples);
    const Matrix<double> X =
        read_few_samples(run.world, run.options.samples, inputs.selection, report.samples);
    const ReadSamples read = [&](Index first, MatrixView<double> out) {
        read_samples(run.options.samples, inputs.selection, first, out);
    };
    if (run.shape.space() == Space::parameters) {
        check_parameter_gram(run.world, run.paths.partial, run.shape, run.distribution, inputs.network,
                             inputs.reduction, X.view(), read, run.threads, report);
        return report;
    }
    check_against_jacobian(run.world, run.paths.partial, run.shape, inputs.network, inputs.reduction,
                           X.view(), report);
    check_all_entries(run.world, run.paths.partial, run.shape, run.distribution, inputs.network,
                      inputs.reduction, read, {run.threads, run.memory.keep_probe_features}, report);
    return report;
}

}  // namespace tangram
