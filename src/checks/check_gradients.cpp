#include "check_gradients.hpp"

#include "tangram/tangent/features.hpp"
#include "tangram/tangent/operators.hpp"
#include "tangram/tangent/reference/conditioning.hpp"
#include "tangram/tangent/reference/finite_difference.hpp"
#include "tangram/tangent/reference/rounding.hpp"
#include "tangram/tangent/reference/sample_rows.hpp"

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
}

/// A value that goes on to the output through an operator with kinks, and where these are.
struct KinkedValue {
    std::size_t value = 0;
    std::vector<double> points;
};

std::vector<KinkedValue> kinked_values(const Network& network, const SampleGradient& gradient) {
    std::vector<KinkedValue> kinked;
    for (const Node& node : network.nodes) {
        const auto kinks = routines_of(node.op).kinks;
        if (kinks == nullptr || gradient.sensitivities[at(node.output)].rows() == 0) continue;
        KinkedValue one{at(node.inputs.front()), kinks(node.op)};
        if (!one.points.empty()) kinked.push_back(std::move(one));
    }
    return kinked;
}

/// Whether sample k of the features' values lies on another side of a kink than the reference's, or so close to it that
/// only rounding says on which.
bool is_near(const std::vector<double>& points, ConstMatrixView<double> features, Index k,
             std::span<const double> z, std::span<const double> rounding) {
    for (std::size_t j = 0; j < z.size(); ++j) {
        for (const double point : points) {
            const bool sides_differ = (features(k, static_cast<Index>(j)) > point) != (z[j] > point);
            if (sides_differ || (rounding[j] > 0 && std::abs(z[j] - point) <= rounding[j])) return true;
        }
    }
    return false;
}

/// Each tensor costs some forward passes from where it is used to the output, and so all of them the square of the depth.
/// Of deep networks each of the samples takes some tensors only, each others.
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
                                         std::span<const std::int64_t> samples) {
    std::vector<SampleGradient> gradients;
    for (Index k = 0; k < X.rows; ++k) {
        const bool mine = k % comm.size() == comm.rank();
        gradients.push_back(mine ? backpropagate(network, {X.row(k), at(X.cols)}) : empty_gradient(network));
        gradients.back().sample = samples.empty() ? k : samples[at(k)];
        for_each_array(gradients.back(), [&](std::span<double> part) { mpi::sum(comm, part); });
        give_rows(reduction, gradients.back());
    }
    return gradients;
}

std::vector<bool> near_kink(const Network& network, ConstMatrixView<double> X,
                            const std::vector<SampleGradient>& gradients) {
    std::vector<bool> near(at(X.rows), false);
    if (gradients.empty()) return near;
    const std::vector<KinkedValue> kinked = kinked_values(network, gradients.front());
    if (kinked.empty()) return near;
    const std::vector<Matrix<double>> by_features = values_of(network, X);
    for (Index k = 0; k < X.rows; ++k) {
        const SampleGradient& gradient = gradients[at(k)];
        const std::vector<std::vector<double>> roundings = rounding_of_values(network, gradient);
        near[at(k)] = std::any_of(kinked.begin(), kinked.end(), [&](const KinkedValue& at_kink) {
            return is_near(at_kink.points, by_features[at_kink.value].view(), k,
                           gradient.values[at_kink.value], roundings[at_kink.value]);
        });
    }
    return near;
}

void check_finite_differences(const mpi::Communicator& comm, const Network& network,
                              const Reduction& reduction, std::span<const SampleGradient> gradients,
                              CheckReport& report) {
    const std::size_t samples = std::min<std::size_t>(gradients.size(), 4);
    const Index stride = stride_of_tensors(network);
    report.finite_difference_tolerance = finite_difference_tolerance;
    report.finite_difference_error = 0;
    for (auto k = at(comm.rank()); k < samples; k += at(comm.size())) {
        const auto result =
            compare_with_finite_differences(network, gradients.subspan(k, 1), report.seed + k,
                                            {static_cast<Index>(k) % stride, stride}, &reduction);
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

void raise_tolerance(const mpi::Communicator& comm, const Network& network, const Reduction& reduction,
                     const std::vector<SampleGradient>& gradients, CheckReport& report) {
    // Networks are alike for all samples; how far a loss has vanished is not.
    const std::size_t most = reduction.needs_outputs() ? gradients.size() : 4;
    for (std::size_t k = at(comm.rank()); k < std::min(gradients.size(), most); k += at(comm.size())) {
        const double found = rounding_amplification(network, gradients[k], report.seed + k, &reduction);
        report.amplification = std::max(report.amplification, found);
    }
    report.amplification = mpi::maximum(comm, report.amplification);
    if (report.tolerance_is_given) return;
    const double reachable = 64 * rounding_unit(Precision::float64) * report.amplification;
    report.tolerance = std::max(report.tolerance, std::min(reachable, 1e-5));
}

}  // namespace tangram
