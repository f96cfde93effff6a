#include "tangram/tangent/reference/conditioning.hpp"

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
Network with_gain(Chain chain, double factor) {
    for (Layer& layer : chain.layers) layer.weight_scale *= factor;
    return make_network(std::move(chain));
}

}  // namespace

TEST_CASE("a linear network passes one unit of rounding on, a chaotic one multiplies it layer by layer") {
    const std::vector<Index> widths(9, 40);
    const std::vector<bool> no_bias(8, false);
    const auto make = [&](const std::string& name) {
        return random_chain(widths, std::vector<std::string>(8, name), no_bias, 9);
    };
    CHECK(amplification(make_network(make("identity"))) < 100);
    CHECK(amplification(with_gain(make("sin"), 0.05)) < 100);
    CHECK(amplification(make_network(make("sin"))) > 1e3);
    CHECK(amplification(with_gain(make("sin"), 4)) > 1e5);
}

TEST_CASE("a residual network with tame weights amplifies little, and one whose blocks are chaotic much") {
    const auto with_block = [](const char* phi, double weight) {
        Network network = random_residual(40, 40, 5, phi);
        for (ParameterTensor& tensor : network.tensors) {
            for (Index k = 0; k < tensor.size(); ++k) tensor.values.data()[k] *= weight;
        }
        return network;
    };
    CHECK(amplification(with_block("identity", 0.1)) < 100);
    CHECK(amplification(with_block("sin", 1000)) > 1e3);
}

TEST_CASE("a dead network amplifies nothing") {
    CHECK(amplification(with_gain(random_chain({4, 5, 2}, {"relu", "identity"}, {false, false}, 9), 0)) ==
          doctest::Approx(1).epsilon(0.5));
}
