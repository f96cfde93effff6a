#include "tangram/compare/recomputed.hpp"

#include "few_gradients.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/sample_choice.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

using namespace recomputing;

constexpr Index few_samples = 24;
constexpr Index fewest_samples = 4;
/// That the gradients of all of them may take.
constexpr double most_bytes = 1 << 30;
/// Single outputs that are tried.
constexpr Index most_outputs = 64;

/// K_ii of every row and of every column.
EntryScales scales_of(const SmallRun& few, const Gradients& gradients, const Reduction& reduction) {
    const auto of = [&](const std::vector<SampleGradient>& samples) {
        return diagonal_of(sum_of(components_of(few.network, samples, samples, reduction)));
    };
    return {of(gradients.rows), of(gradients.columns())};
}

/// What backpropagation keeps of a sample: values, and sensitivities of all outputs.
double bytes_of_gradient(const Network& network) {
    double values = 0;
    for (const Value& value : network.values) values += static_cast<double>(value.size);
    return values * static_cast<double>(1 + network.outputs()) * sizeof(double);
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
        return sum_of(components_of(few.network, gradients.rows, gradients.columns(), reduction));
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

std::vector<std::int64_t> samples_to_recompute(const Network& network, Index samples, Index sets) {
    const double bytes = bytes_of_gradient(network);
    const auto fitting = static_cast<Index>(most_bytes / bytes) / sets;
    if (fitting < fewest_samples) {
        fail(ExitCode::no_resources, "the gradients of a sample take {:.2g} GiB, too much for a few of them",
             bytes / (1 << 30));
    }
    return spread_check_samples(samples, std::min(few_samples, fitting));
}

RecomputedComparison compare_recomputed(const mpi::Communicator& world, const SmallRun& few,
                                        const OtherKernel& other, const std::string& reduction,
                                        double tolerance) {
    const Reduction wanted = reduction_of(reduction, few.network.outputs());
    RecomputedComparison found;
    const mpi::Communicator alone = world.split(world.rank(), 0);
    agree_on_root(world, [&] {
        const Gradients gradients = gradients_of(few.network, few);
        const std::vector<Matrix<double>> components =
            components_of(few.network, gradients.rows, gradients.columns(), wanted);
        const Matrix<double> K = sum_of(components);
        const Matrix<double> theirs = entries_of(other, few, wanted.rows_per_sample());
        found.largest = largest_of(K);
        found.worst = worst_of(theirs, K);
        found.equal = found.worst <= tolerance * found.largest;
        if (!found.equal) {
            const FitProblem problem =
                fit_problem(alone, components, theirs, scales_of(few, gradients, wanted), few.symmetric,
                            other.rounding_unit());
            found.explanation = explain(problem, facts_of(few.network, few, wanted), tolerance);
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
        for (const Candidate& candidate : candidates(few, gradients_of(few.network, few))) {
            if (verdict.empty()) verdict = as_candidate(few, theirs, candidate, tolerance);
        }
    });
    return mpi::broadcast(world, std::move(verdict));
}

}  // namespace tangram
