#include "tangram/tangent/conditioning.hpp"

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

}  // namespace

double rounding_amplification(const Network& network, const SampleGradient& sample, std::uint64_t seed) {
    constexpr double unit = std::numeric_limits<double>::epsilon();
    std::vector<double> x = sample.activations.front();
    for (std::size_t k = 0; k < x.size(); ++k) x[k] *= 1.0 + unit * random_sign(seed, k);
    const SampleGradient moved = backpropagate(network, x);
    double most = 1;
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        const Matrix<double>& D = sample.sensitivities[l];
        const double by_activation = relative_distance(moved.activations[l], sample.activations[l]);
        const double by_sensitivity =
            relative_distance({moved.sensitivities[l].data(), at(D.size())}, {D.data(), at(D.size())});
        most = std::max(most, (by_activation + by_sensitivity) / unit);
    }
    return most;
}

}  // namespace tangram
