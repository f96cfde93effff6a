#include "tangram/commands/recomputed.hpp"

#include "tangram/output/jacobian_check.hpp"
#include "tangram/output/kernel_entries.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/tangent/jacobian.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

constexpr Index few_samples = 24;
/// Single outputs that are tried.
constexpr Index most_outputs = 64;

/// A few samples of the run, with all that explicit Jacobians need.
struct FewSamples {
    RecordedRun run;
    std::vector<std::int64_t> samples;
    std::vector<SampleGradient> gradients;  ///< on root
};

/// Collective.
FewSamples load_few(const mpi::Communicator& world, const KernelFile& kernel, const MovedInputs& moved) {
    FewSamples few{load_recorded_run(world, kernel, moved), {}, {}};
    few.samples = spread_check_samples(kernel.shape.panels.samples, few_samples);
    const Matrix<double> X =
        read_few_samples(world, few.run.options.samples, few.run.inputs.selection, few.samples);
    agree_on_root(world, [&] {
        for (Index k = 0; k < X.rows(); ++k)
            few.gradients.push_back(backpropagate(few.run.inputs.network, {X.view().row(k), at(X.cols())}));
    });
    return few;
}

Reduction reduction_of(const std::string& name, Index outputs, Index logit = -1) {
    Reduction reduction;
    reduction.outputs = outputs;
    reduction.kind = logit < 0 ? parse_reduction(name) : ReductionKind::logit;
    reduction.logit = logit;
    return reduction;
}

/// One component a parameter tensor. Root.
std::vector<Matrix<double>> components_of(const FewSamples& few, const Reduction& reduction) {
    std::vector<Matrix<double>> components;
    for (const ParameterTensor& tensor : parameter_tensors(few.run.inputs.network))
        components.push_back(reference_kernel(few.run.inputs.network, reduction, tensor, few.gradients));
    return components;
}

Matrix<double> sum_of(const std::vector<Matrix<double>>& parts) {
    Matrix<double> sum(parts.front().rows(), parts.front().cols());
    for (const Matrix<double>& part : parts) {
        for (Index k = 0; k < sum.size(); ++k) sum.data()[k] += part.data()[k];
    }
    return sum;
}

double largest_of(const Matrix<double>& K) {
    double largest = 0;
    for (Index k = 0; k < K.size(); ++k) largest = std::max(largest, std::abs(K.data()[k]));
    return largest;
}

/// OTHER's entries between the samples, `C` rows each. Root.
Matrix<double> entries_of(const OtherKernel& other, const std::vector<std::int64_t>& samples, Index C) {
    const auto m = static_cast<Index>(samples.size());
    Matrix<double> entries(m * C, m * C);
    for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < m; ++j)
            other.read(samples[at(i)] * C, samples[at(j)] * C, entries.view().block(i * C, j * C, C, C));
    }
    return entries;
}

/// max |OTHER - s K|
double worst_of(const Matrix<double>& other, const Matrix<double>& K, double s = 1) {
    double worst = 0;
    for (Index k = 0; k < K.size(); ++k) worst = std::max(worst, std::abs(other.data()[k] - s * K.data()[k]));
    return worst;
}

KernelFacts facts_of(const FewSamples& few, const Reduction& reduction) {
    const Network& network = few.run.inputs.network;
    KernelFacts facts;
    facts.samples = few.run.inputs.selection.count();
    facts.outputs = network.outputs();
    facts.parameters = network.parameters();
    facts.reduction = to_string(reduction.kind);
    facts.logit = reduction.logit;
    for (const ParameterTensor& tensor : parameter_tensors(network)) {
        const Layer& layer = network.layers[at(tensor.layer)];
        facts.components.push_back({tensor.is_bias ? layer.bias_name : layer.weight_name, tensor.is_bias,
                                    layer.fan_in(), layer.fan_out(),
                                    tensor.is_bias ? layer.bias_scale : layer.weight_scale,
                                    few.run.inputs.parameterization == "ntk"});
    }
    return facts;
}

/// The factor between OTHER and K, if there is one for all entries.
std::optional<double> factor_between(const Matrix<double>& other, const Matrix<double>& K, double tolerance) {
    double product = 0;
    double square = 0;
    for (Index k = 0; k < K.size(); ++k) {
        product += other.data()[k] * K.data()[k];
        square += K.data()[k] * K.data()[k];
    }
    if (square == 0) return std::nullopt;
    const double s = product / square;
    if (!(s > 0) || worst_of(other, K, s) > tolerance * largest_of(other)) return std::nullopt;
    return s;
}

/// "" unless OTHER is a multiple of the kernel of `reduction`.
std::string as_reduction(const FewSamples& few, const Matrix<double>& other, const Reduction& reduction,
                         const std::string& words, double tolerance) {
    const auto factor = factor_between(other, sum_of(components_of(few, reduction)), tolerance);
    if (!factor) return "";
    const auto C = static_cast<double>(reduction.outputs);
    const std::string samples =
        fmt::format("by {} samples, recomputed from the recorded inputs", few.samples.size());
    if (reduction.kind == ReductionKind::trace && std::abs(*factor * C - 1) < 1e-4)
        return fmt::format("mean over outputs (--reduction mean), {}", samples);
    const bool is_one = std::abs(*factor - 1) < 1e-4;
    return fmt::format("{}{}, {}", words, is_one ? "" : fmt::format(", times {}", plain(*factor)), samples);
}

}  // namespace

RecomputedComparison compare_recomputed(const mpi::Communicator& world, const KernelFile& kernel,
                                        const OtherKernel& other, const std::string& reduction,
                                        const MovedInputs& moved, double tolerance) {
    const FewSamples few = load_few(world, kernel, moved);
    const Reduction wanted = reduction_of(reduction, kernel.shape.outputs);
    RecomputedComparison found;
    found.samples = static_cast<Index>(few.samples.size());
    const mpi::Communicator alone = world.split(world.rank(), 0);
    agree_on_root(world, [&] {
        const std::vector<Matrix<double>> components = components_of(few, wanted);
        const Matrix<double> K = sum_of(components);
        const Matrix<double> theirs = entries_of(other, few.samples, wanted.rows_per_sample());
        found.largest = largest_of(K);
        found.worst = worst_of(theirs, K);
        found.equal = found.worst <= tolerance * found.largest;
        if (!found.equal) {
            found.explanation = explain(fit_problem(alone, components, theirs, other.rounding_unit()),
                                        facts_of(few, wanted), tolerance);
        }
    });
    found.equal = mpi::broadcast(world, Index{found.equal ? 1 : 0}) != 0;
    found.explanation.holds = mpi::broadcast(world, Index{found.explanation.holds ? 1 : 0}) != 0;
    return found;
}

std::string find_reduction(const mpi::Communicator& world, const KernelFile& kernel, const OtherKernel& other,
                           const MovedInputs& moved, double tolerance) {
    const FewSamples few = load_few(world, kernel, moved);
    const Index C = kernel.shape.outputs;
    std::string verdict;
    agree_on_root(world, [&] {
        const Matrix<double> theirs = entries_of(other, few.samples, 1);
        const auto consider = [&](const Reduction& reduction, const std::string& words) {
            if (verdict.empty()) verdict = as_reduction(few, theirs, reduction, words, tolerance);
        };
        consider(reduction_of("sum", C), "sum: the kernel of the summed outputs (--reduction sum)");
        consider(reduction_of("trace", C), "sum over outputs of the kernel of each (--reduction trace)");
        for (Index k = 0; k < std::min(C, most_outputs); ++k)
            consider(reduction_of("", C, k), fmt::format("sum over output {0} alone (--logit {0})", k));
    });
    return mpi::broadcast(world, std::move(verdict));
}

}  // namespace tangram
