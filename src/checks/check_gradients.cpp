#include "check_gradients.hpp"

#include "tangram/support/threads.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/operators.hpp"
#include "tangram/tangent/reference/branches.hpp"
#include "tangram/tangent/reference/conditioning.hpp"
#include "tangram/tangent/reference/finite_difference.hpp"
#include "tangram/tangent/reference/rounding.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

std::span<double> values(Matrix<double>& matrix) {
    return {matrix.data(), at(matrix.size())};
}

/// Calls visit(part) for every array of a sample's gradient, in a fixed order.
template <class Visit>
void for_each_array(SampleGradient& gradient, Visit visit) {
    visit(std::span<double>(gradient.outputs));
    for (auto& value : gradient.values) visit(std::span<double>(value));
    for (auto& D : gradient.sensitivities) visit(values(D));
    if (gradient.of_outputs == nullptr) return;  // E is then known everywhere
    visit(values(gradient.E));
    visit(values(gradient.E_sizes));
}

/// A value that goes on to the output through an operator with kinks, and where these are.
struct KinkedValue {
    Index value = 0;
    std::vector<double> points;
};

std::vector<KinkedValue> kinked_values(const Network& network, const SampleGradient& gradient) {
    std::vector<KinkedValue> kinked;
    for (const Node& node : network.nodes) {
        const auto kinks = routines_of(node.op).kinks;
        if (kinks == nullptr || gradient.sensitivities[at(node.output)].rows() == 0) continue;
        KinkedValue one{node.inputs.front(), kinks(node.op)};
        if (!one.points.empty()) kinked.push_back(std::move(one));
    }
    return kinked;
}

/// Whether an entry lies beside one of the points, not at it, by no more than `margin` of it.
template <class Margin>
bool is_beside(const KinkedValue& kinked, const std::vector<double>& z, Margin margin) {
    for (std::size_t j = 0; j < z.size(); ++j) {
        for (const double point : kinked.points) {
            if (z[j] != point && std::abs(z[j] - point) <= margin(j)) return true;
        }
    }
    return false;
}

/// Whether an entry lies so close to a kink that only rounding says on which side: features of another panel might be on the
/// other. What rounding is worth costs a forward pass, and few samples need it.
bool is_within_rounding(const Network& network, const SampleGradient& gradient) {
    constexpr double close = 1e-8;
    const std::vector<KinkedValue> all = kinked_values(network, gradient);
    const bool is_close = std::any_of(all.begin(), all.end(), [&](const KinkedValue& kinked) {
        const std::vector<double>& z = gradient.value(kinked.value);
        double largest = 0;
        for (const double entry : z) largest = std::max(largest, std::abs(entry));
        for (const double point : kinked.points) largest = std::max(largest, std::abs(point));
        return is_beside(kinked, z, [&](std::size_t) { return close * largest; });
    });
    if (!is_close) return false;
    const std::vector<std::vector<double>> roundings = rounding_of_values(network, gradient);
    return std::any_of(all.begin(), all.end(), [&](const KinkedValue& kinked) {
        return is_beside(kinked, gradient.value(kinked.value),
                         [&](std::size_t j) { return roundings[at(kinked.value)][j]; });
    });
}

/// Samples whose gradients are told how much the network amplifies rounding by: a few tell, and of a graph they cost more.
/// Networks are alike for all samples; how far a loss has vanished is not.
std::size_t amplification_samples(const std::vector<SampleGradient>& gradients) {
    if (!gradients.empty() && gradients.front().of_outputs != nullptr) return gradients.size();
    const bool is_graph = !gradients.empty() && std::ranges::any_of(*gradients.front().shared,
                                                                    [](const auto& v) { return !v.empty(); });
    return is_graph ? (gradients.size() + 3) / 4 : std::min<std::size_t>(gradients.size(), 4);
}

/// Each tensor alone costs some forward passes from where it is used to the output, and so all of them the square of the depth.
/// Of deep networks every few tensors only are moved alone.
Index stride_of_tensors(const Network& network) {
    constexpr Index passes = Index{1} << 18;  // tensors times tensors behind them, a sample
    constexpr Index fewest = 16;
    const auto tensors = static_cast<Index>(network.tensors.size());
    const Index wanted = std::max(fewest, passes / std::max<Index>(tensors, 1));
    return std::max<Index>(1, (tensors + wanted - 1) / wanted);
}

}  // namespace

std::vector<SampleGradient> gradients_of(const mpi::Communicator& comm, const Network& network,
                                         const Reduction& reduction, ConstMatrixView<double> X,
                                         std::span<const std::int64_t> samples, int threads) {
    const SharedValues shared = shared_values(network);
    std::vector<SampleGradient> gradients(at(X.rows));
    share_out(threads, Index{0}, X.rows, [&](Index k, int) {
        const bool mine = k % comm.size() == comm.rank();
        const Followed followed{reduction, samples.empty() ? k : samples[at(k)], shared};
        gradients[at(k)] = mine ? backpropagate(network, followed, {X.row(k), at(X.cols)})
                                : empty_gradient(network, followed);
    });
    if (comm.size() == 1) return gradients;
    for (SampleGradient& gradient : gradients)
        for_each_array(gradient, [&](std::span<double> part) { mpi::sum(comm, part); });
    return gradients;
}

std::vector<bool> near_kink(const Network& network, ConstMatrixView<double> X,
                            const std::vector<SampleGradient>& gradients) {
    std::vector<bool> near(at(X.rows), false);
    for (Index k = 0; k < X.rows; ++k) {
        const SampleGradient& gradient = gradients[at(k)];
        near[at(k)] = takes_other_branch(network, gradient, values_of(network, X.row_block(k, 1))) ||
                      is_within_rounding(network, gradient);
    }
    return near;
}

void check_finite_differences(const mpi::Communicator& comm, const Network& network, const CheckSet& set,
                              int threads, CheckReport& report) {
    std::vector<std::size_t> samples;  // rather those that are compared
    for (std::size_t k = 0; k < set.gradients.size(); ++k) {
        if (!set.excluded[k]) samples.push_back(k);
    }
    for (std::size_t k = 0; k < set.gradients.size() && samples.empty(); ++k) samples.push_back(k);
    const auto together = static_cast<Index>(samples.size());
    const Index stride = stride_of_tensors(network);
    const auto tensors = static_cast<Index>(network.tensors.size());
    const Index jobs = together + (tensors + stride - 1) / stride;
    std::vector<FiniteDifferenceResult> found(at(jobs));
    const Index mine = comm.rank() < jobs ? (jobs - comm.rank() - 1) / comm.size() + 1 : 0;
    share_out(threads, Index{0}, mine, [&](Index m, int) {
        const Index job = comm.rank() + m * comm.size();
        const std::size_t k = samples[at(job % together)];
        const SampleGradient& gradient = set.gradients[k];
        if (job < together) {
            found[at(job)] = compare_all_at_once(network, gradient, report.seed + k);
        } else {
            const EveryFew one{(job - together) * stride, tensors};
            found[at(job)] = compare_with_finite_differences(network, {&gradient, 1}, report.seed + k, one);
        }
    });
    report.finite_difference_tolerance = finite_difference_tolerance;
    report.finite_difference_error = 0;
    for (const FiniteDifferenceResult& result : found) {
        report.finite_difference_error = std::max(report.finite_difference_error, result.error);
        report.steps_rejected += result.steps_rejected;
        report.pairs_decided += result.decided;
        report.pairs_undecided += result.undecided;
    }
    report.finite_difference_error = mpi::maximum(comm, report.finite_difference_error);
    report.steps_rejected = mpi::sum(comm, report.steps_rejected);
    report.pairs_decided = mpi::sum(comm, report.pairs_decided);
    report.pairs_undecided = mpi::sum(comm, report.pairs_undecided);
    if (report.pairs_decided == 0)
        report.finite_difference_error = not_computed;  // a fully saturated network
}

void raise_tolerance(const mpi::Communicator& comm, const Network& network,
                     const std::vector<SampleGradient>& gradients, CheckReport& report) {
    for (std::size_t k = at(comm.rank()); k < amplification_samples(gradients); k += at(comm.size())) {
        report.amplification =
            std::max(report.amplification, rounding_amplification(network, gradients[k], report.seed + k));
    }
    report.amplification = mpi::maximum(comm, report.amplification);
    if (report.tolerance_is_given) return;
    const double reachable = 64 * rounding_unit(Precision::float64) * report.amplification;
    report.tolerance = std::max(report.tolerance, std::min(reachable, 1e-5));
}

CheckSet check_set_of(const ProductFile& file, const CheckInputs& inputs, SetOfSamples which,
                      const std::vector<std::int64_t>& samples) {
    const Network& network = file.problem.network;
    CheckSet set{samples, inputs.read(which, samples), {}, {}};
    set.gradients = gradients_of(file.world, network, file.problem.reduction_of(which),
                                 std::as_const(set.X).view(), samples, file.resources.threads);
    set.excluded = near_kink(network, std::as_const(set.X).view(), set.gradients);
    return set;
}

Index summed_tensors(const ProductFile& file) {
    if (!file.product.sums_tensors) return 1;
    return static_cast<Index>(file.problem.network.tensors.size());
}

void settle_tolerances(const ProductFile& file, const CheckSet& set, CheckReport& report) {
    if (!file.problem.network.gradients_are_given)  // nothing amplifies rounding in them
        raise_tolerance(file.world, file.problem.network, set.gradients, report);
    report.total_tolerance =
        report.tolerance_is_given
            ? report.tolerance
            : tolerance_of_total(report.tolerance, file.shape.precision, summed_tensors(file));
}

}  // namespace tangram
