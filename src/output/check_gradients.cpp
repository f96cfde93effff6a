#include "check_gradients.hpp"

#include "tangram/tangent/conditioning.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/finite_difference.hpp"

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
    for (auto& x : gradient.activations) visit(std::span<double>(x));
    for (auto& z : gradient.preactivations) visit(std::span<double>(z));
    for (auto& D : gradient.sensitivities) visit(values(D));
}

/// The arrays of a gradient, all zero.
SampleGradient empty_gradient(const Network& network) {
    SampleGradient gradient;
    gradient.outputs.resize(at(network.outputs()));
    for (const Layer& layer : network.layers) {
        gradient.activations.emplace_back(at(layer.fan_in()));
        gradient.preactivations.emplace_back(at(layer.fan_out()));
        gradient.sensitivities.emplace_back(network.outputs(), layer.fan_out());
    }
    return gradient;
}

/// What rounding may have done to z = a W x + b B: 4 eps sum |a W x| + |b B|, by unit; 0 where all terms are
/// exactly zero.
std::vector<double> rounding_of_preactivation(const Layer& layer, const std::vector<double>& x) {
    std::vector<double> bounds(at(layer.fan_out()));
    for (Index j = 0; j < layer.fan_out(); ++j) {
        double size = layer.has_bias() ? std::abs(layer.bias_scale * layer.bias[at(j)]) : 0.0;
        for (Index k = 0; k < layer.fan_in(); ++k)
            size += std::abs(layer.weight_scale * layer.weight(j, k) * x[at(k)]);
        bounds[at(j)] = 4 * rounding_unit(Precision::float64) * size;
    }
    return bounds;
}

}  // namespace

std::vector<SampleGradient> gradients_of(const mpi::Communicator& comm, const Network& network,
                                         ConstMatrixView<double> X) {
    std::vector<SampleGradient> gradients;
    for (Index k = 0; k < X.rows; ++k) {
        const bool mine = k % comm.size() == comm.rank();
        gradients.push_back(mine ? backpropagate(network, {X.row(k), at(X.cols)}) : empty_gradient(network));
        for_each_array(gradients.back(), [&](std::span<double> part) { mpi::sum(comm, part); });
    }
    return gradients;
}

std::vector<bool> near_kink(const Network& network, ConstMatrixView<double> X,
                            const std::vector<SampleGradient>& gradients) {
    const std::vector<Matrix<double>> Z = preactivations(network, X);
    std::vector<bool> near(at(X.rows), false);
    for (Index l = 0; l < network.depth(); ++l) {
        if (!has_kink(network.layers[at(l)].activation)) continue;
        for (Index k = 0; k < X.rows; ++k) {
            const SampleGradient& gradient = gradients[at(k)];
            const auto bounds = rounding_of_preactivation(network.layers[at(l)], gradient.activations[at(l)]);
            for (Index j = 0; j < Z[at(l)].cols(); ++j) {
                const double z = gradient.preactivations[at(l)][at(j)];
                const bool sides_differ = (Z[at(l)](k, j) > 0) != (z > 0);
                if (sides_differ || (bounds[at(j)] > 0 && std::abs(z) <= bounds[at(j)])) near[at(k)] = true;
            }
        }
    }
    return near;
}

void check_finite_differences(const mpi::Communicator& comm, const Network& network,
                              std::span<const SampleGradient> gradients, CheckReport& report) {
    const std::size_t samples = std::min<std::size_t>(gradients.size(), 4);
    report.finite_difference_tolerance = finite_difference_tolerance;
    report.finite_difference_error = 0;
    for (auto k = at(comm.rank()); k < samples; k += at(comm.size())) {
        const auto result =
            compare_with_finite_differences(network, gradients.subspan(k, 1), report.seed + k);
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
    for (std::size_t k = at(comm.rank()); k < std::min<std::size_t>(gradients.size(), 4);
         k += at(comm.size())) {
        report.amplification =
            std::max(report.amplification, rounding_amplification(network, gradients[k], report.seed + k));
    }
    report.amplification = mpi::maximum(comm, report.amplification);
    if (report.tolerance_is_given) return;
    const double reachable = 64 * rounding_unit(Precision::float64) * report.amplification;
    report.tolerance = std::max(report.tolerance, std::min(reachable, 1e-5));
}

}  // namespace tangram
