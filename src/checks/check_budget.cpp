#include "tangram/checks/check_budget.hpp"

#include "tangram/network/operations.hpp"
#include "tangram/tangent/steps.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

// In units of a product of gemm in float64: rough, but the same everywhere, so that a run can be repeated.
constexpr double plain_product = 40;  ///< one of the reference's loops
constexpr double plain_entry =
    30;  ///< one entry of an operator that multiplies nothing: an activation, a pool
constexpr double passes_together = 10;     ///< of a difference along all tensors, rounding tried
constexpr double passes_alone = 3;         ///< along one, from there on: many steps end soon, at a kink
constexpr double narrow_product = 0.5;     ///< of gemm in float32
constexpr double product_of_sample = 2.5;  ///< of features, whose products are small: one sample's

/// Plain loops over these nodes, once.
double plain_cost(const Network& network, const std::vector<bool>& values) {
    double cost = 0;
    for (const Node& node : network.nodes) {
        if (!values[at(node.output)] || network.values[at(node.output)].shared) continue;
        const NodeWork work = work_of(network, node);
        cost += plain_product * work.products + plain_entry * work.entries;
    }
    return cost;
}

/// [value]: made of this tensor.
std::vector<bool> behind(const Network& network, Index tensor) {
    std::vector<bool> made(network.values.size(), false);
    for (const Node& node : network.nodes) {
        const bool has_it = std::find(node.tensors.begin(), node.tensors.end(), tensor) != node.tensors.end();
        made[at(node.output)] = has_it || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                      [&](Index input) { return made[at(input)]; });
    }
    return made;
}

/// What the reference costs, in products.
struct ReferenceCost {
    double of_sample = 0;  ///< that is checked
    double once = 0;       ///< each tensor moved alone: two ends from there on
};

ReferenceCost reference_cost(const Problem& problem) {
    const Network& network = problem.network;
    const auto R = static_cast<double>(problem.reduction.sensitivities());
    const double sets = problem.test ? 2 : 1;
    // Forward; backward for R rows, to the values and to the tensors, whose rows are made a second time for the differences.
    const double pass = plain_cost(network, std::vector<bool>(network.values.size(), true));
    ReferenceCost cost{sets * pass * (1 + 3 * R + passes_together), 0};
    for (std::size_t t = 0; t < network.tensors.size(); ++t)
        cost.once += passes_alone * plain_cost(network, behind(network, static_cast<Index>(t)));
    return cost;
}

double samples_of(const Problem& problem) {
    return static_cast<double>(problem.samples.count + (problem.test ? problem.test->count : 0));
}

/// The probe makes the gradients on positions twice: to fold them, and to apply them.
double probe_cost(const Problem& problem) {
    return 2 * samples_of(problem) * operations_of_making(problem.network, problem.reduction);
}

}  // namespace

double operations_of_checks(const Problem& problem, Index check_samples) {
    const ReferenceCost cost = reference_cost(problem);
    return 2 * (probe_cost(problem) + cost.once + static_cast<double>(check_samples) * cost.of_sample);
}

Index affordable_check_samples(const Product& product, const Problem& problem, const Shape& shape) {
    const Network& network = problem.network;
    if (is_dense_chain(network) || network.gradients_are_given) return most_check_samples;
    const auto R = static_cast<double>(problem.reduction.sensitivities());
    const double products = forward_products(network);
    // Forward; backward for R rows, to the values and to the tensors.
    const double features = product_of_sample * samples_of(problem) * products * (1 + 2 * R);
    const double tiles = product.operations(problem, shape) / 2 *
                         (problem.precision == Precision::float32 ? narrow_product : 1);
    const ReferenceCost cost = reference_cost(problem);
    const double allowed = (features + tiles) / 4 - cost.once - probe_cost(problem);
    return std::clamp(static_cast<Index>(std::floor(std::max(allowed, 0.0) / cost.of_sample)),
                      fewest_check_samples, most_check_samples);
}

}  // namespace tangram
