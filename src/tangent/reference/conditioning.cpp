#include "tangram/tangent/reference/conditioning.hpp"

#include "tangram/support/random.hpp"
#include "tangram/tangent/reference/sample_rows.hpp"

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

}  // namespace

double rounding_amplification(const Network& network, const SampleGradient& sample, std::uint64_t seed,
                              const Reduction* reduction) {
    constexpr double unit = std::numeric_limits<double>::epsilon();
    std::vector<double> x = sample.values[at(network.input)];
    for (std::size_t k = 0; k < x.size(); ++k) x[k] *= 1.0 + unit * random_sign(seed, k);
    SampleGradient moved = backpropagate(network, x);
    double by_rows = 0;
    if (reduction != nullptr && reduction->needs_outputs()) {
        moved.sample = sample.sample;
        give_rows(*reduction, moved);
        by_rows = relative_distance(entries(moved.rows), entries(sample.rows));
    }
    double most = 1;
    for (const Index layer : layers_of(network)) {
        const Node& node = network.nodes[at(layer)];
        const auto z_l = at(node.output);
        double by_input = 0;
        for (const Index input : node.inputs)  // one, or none of a Parameter
            by_input += relative_distance(moved.values[at(input)], sample.values[at(input)]);
        const double by_sensitivity =
            relative_distance(entries(moved.sensitivities[z_l]), entries(sample.sensitivities[z_l]));
        most = std::max(most, (by_input + by_sensitivity + by_rows) / unit);
    }
    return most;
}

}  // namespace tangram
