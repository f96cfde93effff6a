#include "tangram/checks/measures_check.hpp"
#include "tangram/checks/neighbours_check.hpp"
#include "tangram/checks/product_check.hpp"
#include "tangram/run/kernel_run.hpp"
#include "tangram/support/fault.hpp"
#include "tangram/support/sample_choice.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Collective. Outputs and labels of one set.
OutputsFound check_set(const Run& run, const InputSet& set, const ComputedSet& computed, double tolerance) {
    OutputsFound found;
    if (run.problem.network.gradients_are_given) return found;  // there are no outputs
    if (run.inputs.models > 1) return found;                    // nor one network whose they were
    const ConstMatrixView<double> outputs = computed.outputs.view();
    if (computed.expected) {
        check_expected_outputs(run.world(), *computed.expected, outputs, tolerance, found);
        explain_outputs(
            run.world(), *computed.expected, outputs, {computed.samples.begin, set.count()},
            run.inputs.network,
            [&](const std::vector<std::int64_t>& samples) {
                return read_few_samples(run.world(), set, samples);
            },
            found);
    }
    if (set.labels)
        check_labels(run.world(), *set.labels, computed.samples.begin, set.count(), outputs, found);
    return found;
}

/// Collective. The total's diagonal blocks at some of the test samples, as they were computed for the file.
Matrix<double> diagonal_at(const Run& run, const Computed& computed,
                           const std::vector<std::int64_t>& samples) {
    const Index entries = run.problem.reduction.rows_per_sample() * run.problem.reduction.rows_per_sample();
    Matrix<double> blocks(static_cast<Index>(samples.size()), entries);
    for (std::size_t k = 0; k < samples.size(); ++k) {
        const Index mine = samples[k] - computed.test->samples.begin;
        if (mine < 0 || mine >= computed.test->samples.size()) continue;
        for (const Matrix<double>& diagonal : computed.diagonals) {
            for (Index e = 0; e < entries; ++e) blocks(static_cast<Index>(k), e) += diagonal(mine, e);
        }
    }
    mpi::sum(run.world(), {blocks.data(), at(blocks.size())});
    return blocks;
}

}  // namespace

CheckReport check_kernel(const Run& run, const Computed& computed) {
    const KernelOptions& options = run.context.options;
    run.context.progress.begin("check");
    const auto timed = run.context.timer.measure(Phase::check);
    fault_point("check", run.world().rank());
    CheckReport report;
    report.run = run.check_samples > 0;
    report.seed = check_seed;
    report.tolerance_is_given = options.check_tolerance.has_value();
    report.tolerance = options.check_tolerance.value_or(default_tolerance(run.shape.precision));
    report.outputs = check_set(run, run.inputs.samples, computed.samples, report.tolerance);
    if (computed.test)
        report.test_outputs = check_set(run, *run.inputs.test, *computed.test, report.tolerance);
    if (!report.run) return report;
    CheckInputs inputs;
    report.samples = spread_check_samples(run.inputs.samples.count(), run.check_samples);
    inputs.read = [&run](SetOfSamples set, const std::vector<std::int64_t>& samples) {
        return read_few_samples(run.world(), run.inputs.set(set), samples);
    };
    if (run.inputs.test) {
        report.test_samples = spread_check_samples(run.inputs.test->count(), run.check_samples);
        inputs.diagonal = [&](const std::vector<std::int64_t>& samples) {
            return diagonal_at(run, computed, samples);
        };
    }
    const ProductFile file{
        run.world(), run.product,       run.problem,
        run.shape,   run.paths.partial, {run.threads, run.memory.hold_probe_features, &computed.features}};
    const ProductFile made{file.world, file.product, file.problem, run.made, file.path, file.resources};
    if (run.shape.stored) {
        check_product(file, inputs, report);
        if (computed.sums) probe_measures(made, *computed.sums, report);
    } else {
        check_measures(made, inputs, *computed.sums, report);
        if (computed.neighbours) check_neighbours(made, inputs, *computed.neighbours, report);
    }
    return report;
}

}  // namespace tangram
