#include "tangram/compare/recomputed.hpp"

#include "tangram/compare/kernel_entries.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/sample_choice.hpp"
#include "tangram/tangent/reference/jacobian.hpp"
#include "tangram/tangent/steps.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

constexpr Index few_samples = 24;
/// Single outputs that are tried.
constexpr Index most_outputs = 64;

/// Of the rows' samples and of the columns'.
struct Gradients {
    std::vector<SampleGradient> rows, columns;
};

Gradients gradients_of(const SmallRun& few) {
    const auto of = [&](const Matrix<double>& X) {
        std::vector<SampleGradient> gradients;
        for (Index k = 0; k < X.rows(); ++k)
            gradients.push_back(backpropagate(few.network, {X.view().row(k), at(X.cols())}));
        return gradients;
    };
    return {of(few.rows.X), of(few.columns.X)};
}

Reduction reduction_of(const std::string& name, Index outputs, Index logit = -1) {
    Reduction reduction;
    reduction.outputs = outputs;
    reduction.kind = logit < 0 ? parse_reduction(name) : ReductionKind::logit;
    reduction.logit = logit;
    return reduction;
}

/// One component a parameter tensor.
std::vector<Matrix<double>> components_of(const SmallRun& few, const std::vector<SampleGradient>& rows,
                                          const std::vector<SampleGradient>& columns,
                                          const Reduction& reduction) {
    std::vector<Matrix<double>> components;
    for (std::size_t t = 0; t < few.network.tensors.size(); ++t)
        components.push_back(reference_kernel(few.network, reduction, static_cast<Index>(t), rows, columns));
    return components;
}

Matrix<double> sum_of(const std::vector<Matrix<double>>& parts) {
    Matrix<double> sum(parts.front().rows(), parts.front().cols());
    for (const Matrix<double>& part : parts) {
        for (Index k = 0; k < sum.size(); ++k) sum.data()[k] += part.data()[k];
    }
    return sum;
}

/// K_ii of every row and of every column.
EntryScales scales_of(const SmallRun& few, const Gradients& gradients, const Reduction& reduction) {
    const auto diagonal_of = [&](const std::vector<SampleGradient>& samples) {
        const Matrix<double> K = sum_of(components_of(few, samples, samples, reduction));
        std::vector<double> diagonal;
        for (Index i = 0; i < K.rows(); ++i) diagonal.push_back(K(i, i));
        return diagonal;
    };
    return {diagonal_of(gradients.rows), diagonal_of(gradients.columns)};
}

double largest_of(const Matrix<double>& K) {
    double largest = 0;
    for (Index k = 0; k < K.size(); ++k) largest = std::max(largest, std::abs(K.data()[k]));
    return largest;
}

/// OTHER's entries between the samples, `C` rows each. Root.
Matrix<double> entries_of(const OtherKernel& other, const SmallRun& few, Index C) {
    const auto m = static_cast<Index>(few.rows.samples.size());
    const auto n = static_cast<Index>(few.columns.samples.size());
    Matrix<double> entries(m * C, n * C);
    for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < n; ++j)
            other.read(few.rows.samples[at(i)] * C, few.columns.samples[at(j)] * C,
                       entries.view().block(i * C, j * C, C, C));
    }
    return entries;
}

/// max |OTHER - s K|
double worst_of(const Matrix<double>& other, const Matrix<double>& K, double s = 1) {
    double worst = 0;
    for (Index k = 0; k < K.size(); ++k) worst = std::max(worst, std::abs(other.data()[k] - s * K.data()[k]));
    return worst;
}

KernelFacts facts_of(const SmallRun& few, const Reduction& reduction) {
    const Network& network = few.network;
    KernelFacts facts;
    facts.samples = few.columns.all;
    facts.test_samples = few.symmetric ? 0 : few.rows.all;
    facts.outputs = network.outputs();
    facts.parameters = network.parameters();
    facts.reduction = to_string(reduction.kind);
    facts.logit = reduction.logit;
    for (const Step& step : steps_of(network, reduction)) {
        for (const StepTensor& its : step.tensors) {
            facts.components.push_back({network.tensors[at(its.tensor)].name, its.is_bias,
                                        network.values[at(step.x)].size, network.values[at(step.s)].size,
                                        its.scale, few.parameterization == "ntk"});
        }
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

/// A kernel that OTHER may be a multiple of, and what it is called.
struct Candidate {
    Matrix<double> K;
    std::string words;
    Index mean_of = 1;  ///< its mean over so many outputs has a name of its own
};

/// K_ij = <gradient of output c_i of sample i, of output c_j of sample j>, c: the classes. `full`: of all pairs of outputs.
Matrix<double> of_own_classes(const Matrix<double>& full, const SmallRun& few, Index C) {
    const std::vector<Index>& down = few.rows.classes;
    const std::vector<Index>& across = few.columns.classes;
    Matrix<double> K(static_cast<Index>(down.size()), static_cast<Index>(across.size()));
    for (Index i = 0; i < K.rows(); ++i) {
        for (Index j = 0; j < K.cols(); ++j) K(i, j) = full(i * C + down[at(i)], j * C + across[at(j)]);
    }
    return K;
}

/// The kernels of one row a sample that people's programs give: a new one is a line here.
std::vector<Candidate> candidates(const SmallRun& few, const Gradients& gradients) {
    const Index C = few.network.outputs();
    const auto kernel_of = [&](const Reduction& reduction) {
        return sum_of(components_of(few, gradients.rows, gradients.columns, reduction));
    };
    std::vector<Candidate> all;
    all.push_back(
        {kernel_of(reduction_of("sum", C)), "sum: the kernel of the summed outputs (--reduction sum)"});
    all.push_back({kernel_of(reduction_of("trace", C)),
                   "sum over outputs of the kernel of each (--reduction trace)", C});
    for (Index k = 0; k < std::min(C, most_outputs); ++k)
        all.push_back({kernel_of(reduction_of("", C, k)), fmt::format("output {0} alone (--logit {0})", k)});
    if (few.has_classes()) {
        all.push_back(
            {of_own_classes(kernel_of(reduction_of("full", C)), few, C),
             "output of each sample's own class: K_ij of output label_i of sample i and output label_j of sample j, entries of --reduction full"});
    }
    return all;
}

/// "" unless OTHER is a multiple of the candidate.
std::string as_candidate(const SmallRun& few, const Matrix<double>& other, const Candidate& candidate,
                         double tolerance) {
    const auto factor = factor_between(other, candidate.K, tolerance);
    if (!factor) return "";
    const std::string samples =
        fmt::format("by {}, recomputed from the recorded inputs", few.samples_in_words());
    const auto mean_of = static_cast<double>(candidate.mean_of);
    if (candidate.mean_of > 1 && std::abs(*factor * mean_of - 1) < 1e-4)
        return fmt::format("mean over outputs (--reduction mean), {}", samples);
    const bool is_one = std::abs(*factor - 1) < 1e-4;
    return fmt::format("{}{}, {}", candidate.words, is_one ? "" : fmt::format(", times {}", plain(*factor)),
                       samples);
}

}  // namespace

std::string SmallRun::samples_in_words() const {
    if (symmetric) return fmt::format("{} samples", rows.samples.size());
    return fmt::format("{} test samples and {} samples", rows.samples.size(), columns.samples.size());
}

std::vector<std::int64_t> samples_to_recompute(Index samples) {
    return spread_check_samples(samples, few_samples);
}

RecomputedComparison compare_recomputed(const mpi::Communicator& world, const SmallRun& few,
                                        const OtherKernel& other, const std::string& reduction,
                                        double tolerance) {
    const Reduction wanted = reduction_of(reduction, few.network.outputs());
    RecomputedComparison found;
    const mpi::Communicator alone = world.split(world.rank(), 0);
    agree_on_root(world, [&] {
        const Gradients gradients = gradients_of(few);
        const std::vector<Matrix<double>> components =
            components_of(few, gradients.rows, gradients.columns, wanted);
        const Matrix<double> K = sum_of(components);
        const Matrix<double> theirs = entries_of(other, few, wanted.rows_per_sample());
        found.largest = largest_of(K);
        found.worst = worst_of(theirs, K);
        found.equal = found.worst <= tolerance * found.largest;
        if (!found.equal) {
            const FitProblem problem =
                fit_problem(alone, components, theirs, scales_of(few, gradients, wanted), few.symmetric,
                            other.rounding_unit());
            found.explanation = explain(problem, facts_of(few, wanted), tolerance);
        }
    });
    found.equal = mpi::broadcast(world, Index{found.equal ? 1 : 0}) != 0;
    found.explanation.holds = mpi::broadcast(world, Index{found.explanation.holds ? 1 : 0}) != 0;
    return found;
}

std::string find_reduction(const mpi::Communicator& world, const SmallRun& few, const OtherKernel& other,
                           double tolerance) {
    std::string verdict;
    agree_on_root(world, [&] {
        const Matrix<double> theirs = entries_of(other, few, 1);
        for (const Candidate& candidate : candidates(few, gradients_of(few))) {
            if (verdict.empty()) verdict = as_candidate(few, theirs, candidate, tolerance);
        }
    });
    return mpi::broadcast(world, std::move(verdict));
}

}  // namespace tangram
