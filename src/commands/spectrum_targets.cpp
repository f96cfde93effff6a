#include "spectrum_targets.hpp"

#include "tangram/file/kernel_samples.hpp"
#include "tangram/run/recorded_run.hpp"
#include "tangram/spectrum/target_facts.hpp"

namespace tangram {

SpectrumTargets read_spectrum_targets(const SpectrumOptions& options, const KernelFile& kernel) {
    require_that_serves(kernel, kernel.product == "samples", "targets of a spectrum");
    const KernelSamples samples = read_kernel_samples(kernel);
    return prepare_targets(options, kernel, samples.rows, samples.outputs);
}

SpectrumTargets prepare_targets(const SpectrumOptions& options, const KernelFile& kernel,
                                const std::vector<std::int64_t>& rows, const Matrix<double>& outputs) {
    const GivenTargets given =
        read_given_targets(options.targets.location, options.targets.kind, rows, nullptr);
    TargetOptions asked = options.targets;
    if (asked.prior == "auto") asked.prior = "none";
    const TargetCode code = choose_code(kernel, given, asked);
    const TargetSet set = encode(given, code);
    SpectrumTargets targets;
    targets.notes = given.notes;
    targets.notes.insert(targets.notes.end(), code.notes.begin(), code.notes.end());
    targets.alignment = alignment_targets(set, code);
    const Matrix<double> prior = prior_of(outputs, kernel, code);
    const Matrix<double>& Y = set.values;
    targets.projected = Matrix<double>(Y.rows(), Y.cols());
    targets.text = options.targets_plain   ? "as they are"
                   : code.prior_is_outputs ? "less the network's outputs"
                                           : "less their column means";
    for (Index c = 0; c < Y.cols(); ++c) {
        double mean = 0;
        for (Index i = 0; i < Y.rows(); ++i) mean += Y(i, c) / static_cast<double>(Y.rows());
        for (Index i = 0; i < Y.rows(); ++i) {
            const double off = options.targets_plain ? 0 : code.prior_is_outputs ? prior(i, c) : mean;
            targets.projected(i, c) = Y(i, c) - off;
        }
    }
    return targets;
}

}  // namespace tangram
