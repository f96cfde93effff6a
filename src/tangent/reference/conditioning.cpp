#include "tangram/tangent/reference/conditioning.hpp"

#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

/// |v - w| / |w|; 0 where w is zero.
double relative_distance(std::span<const double> v, std::span<const double> w) {
    double distance = 0;
    double size = 0;
    for (std::size_t k = 0; k < v.size(); ++k) {
        distance = std::hypot(distance, v[k] - w[k]);
        size = std::hypot(size, w[k]);
    }
    return size > 0 ? distance / size : 0.0;
}

std::span<const double> entries(const Matrix<double>& D) {
    return {D.data(), at(D.size())};
}

/// Whether a tensor's gradient is made at this node: it has tensors, or reads what is made of parameters.
bool meets_parameters(const Network& network, const Node& node) {
    return !node.tensors.empty() || std::any_of(node.inputs.begin(), node.inputs.end(), [&](Index input) {
        return network.values[at(input)].shared;
    });
}

}  // namespace

double rounding_amplification(const Network& network, const SampleGradient& sample, std::uint64_t seed) {
    constexpr double unit = std::numeric_limits<double>::epsilon();
    std::vector<double> x = sample.values[at(network.input)];
    for (std::size_t k = 0; k < x.size(); ++k) {
        const bool is_exact = !network.exact_inputs.empty() && network.exact_inputs[k];
        if (!is_exact) x[k] *= 1.0 + unit * random_sign(seed, k);
    }
    const SampleGradient moved = backpropagate_alike(network, sample, x);
    double most = 1;
    for (const Node& node : network.nodes) {
        const auto z_l = at(node.output);
        if (!meets_parameters(network, node) || sample.sensitivities[z_l].rows() == 0) continue;
        double by_input = 0;
        for (const Index input : node.inputs)  // one, or none of a Parameter, or with a parameter beside it
            by_input += relative_distance(moved.value(input), sample.value(input));
        const double by_sensitivity =
            relative_distance(entries(moved.sensitivities[z_l]), entries(sample.sensitivities[z_l]));
        most = std::max(most, (by_input + by_sensitivity) / unit);
    }
    return most;
}

}  // namespace tangram
