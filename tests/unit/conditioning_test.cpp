#include "tangram/tangent/conditioning.hpp"

#include "random_networks.hpp"

#include <doctest/doctest.h>

using namespace tangram;
using namespace tangram::test;

namespace {

double amplification(const Network& network) {
    const Matrix<double> X = random_samples(1, network.inputs(), 3);
    return rounding_amplification(network, backpropagate(network, {X.data(), at(X.cols())}), 1);
}

/// All weights times `factor`.
Network with_gain(Network network, double factor) {
    for (Layer& layer : network.layers) layer.weight_scale *= factor;
    return network;
}

}  // namespace

TEST_CASE("a linear network passes one unit of rounding on, a chaotic one multiplies it layer by layer") {
    const std::vector<Index> widths(9, 40);
    const std::vector<bool> no_bias(8, false);
    const auto make = [&](const std::string& name) {
        return random_network(widths, std::vector<std::string>(8, name), no_bias, 9);
    };
    CHECK(amplification(make("identity")) < 100);
    CHECK(amplification(with_gain(make("sin"), 0.05)) < 100);
    CHECK(amplification(make("sin")) > 1e3);
    CHECK(amplification(with_gain(make("sin"), 4)) > 1e5);
}

TEST_CASE("a dead network amplifies nothing") {
    CHECK(amplification(with_gain(random_network({4, 5, 2}, {"relu", "identity"}, {false, false}, 9), 0)) ==
          doctest::Approx(1).epsilon(0.5));
}
