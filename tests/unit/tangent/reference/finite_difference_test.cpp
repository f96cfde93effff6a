// Does the comparison with finite differences pass every right Jacobian, however hard the network, and none
// that is wrong?

#include "tangram/tangent/reference/finite_difference.hpp"

#include "random_networks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

using namespace tangram;

namespace {

std::vector<SampleGradient> gradients_of(const Network& network, Index count, double size) {
    const Matrix<double> X = test::random_samples(count, network.inputs(), 99);
    std::vector<SampleGradient> gradients;
    for (Index i = 0; i < count; ++i) {
        std::vector<double> x(X.view().row(i), X.view().row(i) + X.cols());
        for (double& value : x) value *= size;
        gradients.push_back(backpropagate(network, x));
    }
    return gradients;
}

/// Hidden layers all of one activation and a linear output; weights of the given standard deviation,
/// scales 1.
Chain plain_chain(const std::vector<Index>& widths, const std::string& activation, bool biases,
                  double deviation) {
    std::vector<std::string> activations(widths.size() - 1, activation);
    activations.back() = "identity";
    Chain chain = test::random_chain(widths, activations, std::vector<bool>(activations.size(), biases), 7);
    for (Layer& layer : chain.layers) {
        layer.weight_scale = layer.bias_scale = layer.output_scale = 1;
        for (Index i = 0; i < layer.weight.size(); ++i) layer.weight.data()[i] *= std::sqrt(3.0) * deviation;
        for (double& b : layer.bias) b *= std::sqrt(3.0) * deviation;
    }
    return chain;
}

Network plain_network(const std::vector<Index>& widths, const std::string& activation, bool biases,
                      double deviation) {
    return make_network(plain_chain(widths, activation, biases, deviation));
}

/// plain_network() of relus, those of layer 2 all dead.
Network dead_network() {
    Chain chain = plain_chain({6, 9, 8, 3}, "relu", true, 1);
    for (double& b : chain.layers[1].bias) b = -1000;
    return make_network(std::move(chain));
}

FiniteDifferenceResult compare(const Network& network, std::span<const SampleGradient> samples) {
    return compare_with_finite_differences(network, samples, 5);
}

void multiply(Matrix<double>& D, double factor) {
    for (Index i = 0; i < D.size(); ++i) D.data()[i] *= factor;
}

bool is_of(const Node& node, Index tensor) {
    return std::find(node.tensors.begin(), node.tensors.end(), tensor) != node.tensors.end();
}

/// The sensitivity of layer l's output, l = 0, 1, ..
Matrix<double>& sensitivity(const Network& network, SampleGradient& sample, std::size_t l) {
    return sample.sensitivities[at(network.nodes[at(layers_of(network)[l])].output)];
}

const std::vector<Index> small{6, 9, 8, 3};
const std::vector<Index> deep{32, 64, 64, 64, 64, 64, 64, 64, 10};

}  // namespace

TEST_CASE(
    "a right Jacobian agrees with finite differences for every activation, explicit scales and output "
    "activations") {
    for (const std::string& name : activation_names()) {
        CAPTURE(name);
        const Network network = test::random_network(small, {name, name, name}, {true, false, true}, 17);
        const FiniteDifferenceResult result = compare(network, gradients_of(network, 3, 1));
        CHECK(result.error < finite_difference_tolerance);
        CHECK(result.undecided == 0);
        CHECK(result.decided == 5 * 3);
        CHECK(result.steps_taken >= result.decided);
    }
}

TEST_CASE("a right Jacobian agrees with finite differences 8 layers deep with N(0,1)-sized weights") {
    for (const std::string& name : activation_names()) {
        CAPTURE(name);
        const Network network = plain_network(deep, name, true, 1);
        const FiniteDifferenceResult result = compare(network, gradients_of(network, 2, 1));
        CHECK(result.error < finite_difference_tolerance);
        CHECK(result.undecided == 0);
    }
}

TEST_CASE(
    "a right Jacobian agrees where it is tiny or zero: saturated units, dead relus, width 1, zero input") {
    const Network saturated = plain_network(small, "sigmoid", true, 8);
    CHECK(compare(saturated, gradients_of(saturated, 3, 2)).error < finite_difference_tolerance);

    const Network dead = dead_network();
    const FiniteDifferenceResult none_alive = compare(dead, gradients_of(dead, 3, 1));
    CHECK(none_alive.error < finite_difference_tolerance);
    CHECK(none_alive.decided == 6 * 3);

    for (const std::string& name : activation_names()) {
        CAPTURE(name);
        const Network thin = plain_network({1, 1, 1, 1, 1}, name, true, 1);
        CHECK(compare(thin, gradients_of(thin, 3, 1)).error < finite_difference_tolerance);
        const Network at_zero = plain_network(small, name, true, 1);
        CHECK(compare(at_zero, gradients_of(at_zero, 1, 0)).error < finite_difference_tolerance);
    }
}

TEST_CASE(
    "a right Jacobian is never called wrong with vanishing or huge weights, however chaotic the network") {
    for (const std::string& name : activation_names()) {
        for (const double deviation : {0.03, 0.05, 0.07, 0.1, 15.0, 20.0, 30.0}) {
            CAPTURE(name);
            CAPTURE(deviation);
            Chain chain = plain_chain({9, 12, 3, 20, 4, 1, 8, 3, 9, 2}, name, true, deviation);
            chain.layers[4].activation = parse_activation("sin");
            chain.layers[6].activation = parse_activation("sigmoid");
            const Network network = make_network(std::move(chain));
            CHECK(compare(network, gradients_of(network, 3, 1)).error < finite_difference_tolerance);
        }
    }
}

TEST_CASE("sensitivities without the factor 1/sqrt(d) are found in any layer") {
    for (const char* name : {"identity", "relu", "tanh", "gelu", "sin"}) {
        const Network network = plain_network(small, name, true, 0.5);
        for (const Index layer : layers_of(network)) {
            CAPTURE(name);
            CAPTURE(layer);
            const Node& node = network.nodes[at(layer)];
            const auto fan_in = static_cast<double>(network.values[at(node.inputs[0])].size);
            std::vector<SampleGradient> samples = gradients_of(network, 2, 1);
            for (SampleGradient& sample : samples)
                multiply(sample.sensitivities[at(node.output)], 1 / std::sqrt(fan_in));
            const FiniteDifferenceResult result = compare(network, samples);
            CHECK(result.error > 1e-3);
            CHECK(is_of(node, result.worst));
        }
    }
}

TEST_CASE("sensitivities that are lost altogether are found in any layer") {
    const Network network = plain_network(small, "tanh", true, 0.5);
    for (const Index layer : layers_of(network)) {
        CAPTURE(layer);
        const Node& node = network.nodes[at(layer)];
        std::vector<SampleGradient> samples = gradients_of(network, 2, 1);
        for (SampleGradient& sample : samples) multiply(sample.sensitivities[at(node.output)], 0);
        const FiniteDifferenceResult result = compare(network, samples);
        CHECK(result.error > 1e-3);
        CHECK(is_of(node, result.worst));
    }
}

TEST_CASE("a right Jacobian agrees in a network so chaotic that no plain difference is precise") {
    const Network network = plain_network({32, 128, 128, 128, 128, 128, 128, 128, 4}, "sin", true, 1);
    const FiniteDifferenceResult result = compare(network, gradients_of(network, 2, 1));
    CHECK(result.error < finite_difference_tolerance);
    CHECK(result.undecided == 0);
}

TEST_CASE("a bias column without its scale is found") {
    const Network network = test::random_network(small, {"tanh", "tanh", "identity"}, {true, true, true}, 23);
    std::vector<SampleGradient> samples =
        gradients_of(network, 2, 0);  // x = 0: only the bias of layer 1 sees D_1
    const double b = std::get<Dense>(network.nodes[0].op).bias_scale;
    for (SampleGradient& sample : samples) multiply(sensitivity(network, sample, 0), 1 / b);
    const FiniteDifferenceResult result = compare(network, samples);
    CHECK(result.error > 1e-3);
    CHECK(result.worst == network.nodes[0].tensors[1]);
}

TEST_CASE("the derivative of another activation is found") {
    for (const auto& names :
         {std::pair{"tanh", "erf"}, {"relu", "leaky_relu"}, {"gelu", "silu"}, {"elu", "selu"}}) {
        const std::string right = names.first;
        const std::string wrong = names.second;
        CAPTURE(right);
        const Network network = plain_network(small, right, true, 0.5);
        const Network other = plain_network(small, wrong, true, 0.5);
        std::vector<SampleGradient> samples = gradients_of(network, 3, 1);
        std::vector<SampleGradient> spoilt = gradients_of(other, 3, 1);
        for (std::size_t s = 0; s < samples.size(); ++s)
            samples[s].sensitivities = std::move(spoilt[s].sensitivities);
        CHECK(compare(network, samples).error > 1e-3);
    }
}

TEST_CASE("a Jacobian that is not zero where the network is dead, or not finite, is wrong") {
    const Network network = dead_network();
    std::vector<SampleGradient> samples = gradients_of(network, 1, 1);
    sensitivity(network, samples[0], 0)(0, 0) = 1;
    CHECK(compare(network, samples).error > 1e-3);
    sensitivity(network, samples[0], 0)(0, 0) = std::numeric_limits<double>::quiet_NaN();
    CHECK(compare(network, samples).error > 1e-3);

    const Network alive = plain_network(small, "tanh", true, 1);
    samples = gradients_of(alive, 1, 1);
    sensitivity(alive, samples[0], 1)(1, 1) = std::numeric_limits<double>::infinity();
    CHECK(compare(alive, samples).error > 1e-3);
}

TEST_CASE("steps that cross a kink are rejected and counted; smooth networks reject none") {
    const std::vector<Index> wide{20, 400, 400, 2};
    const Network kinked = plain_network(wide, "relu", true, 0.1);
    const FiniteDifferenceResult rough = compare(kinked, gradients_of(kinked, 2, 1));
    CHECK(rough.steps_rejected > 0);
    CHECK(rough.error < finite_difference_tolerance);
    CHECK(rough.undecided == 0);

    const Network smooth = plain_network(wide, "tanh", true, 0.1);
    CHECK(compare(smooth, gradients_of(smooth, 2, 1)).steps_rejected == 0);
}

TEST_CASE("a kink that is near takes one step to find, however near it is") {
    Network network = plain_network({1, 1, 1}, "relu", false, 1);
    for (const double near : {1e-3, 1e-8}) {
        network.tensors[0].values(0, 0) = near;
        const FiniteDifferenceResult result = compare(network, gradients_of(network, 1, 1));
        CHECK(result.undecided == 0);
        CHECK(result.error < finite_difference_tolerance);
        CHECK(result.steps_rejected == 1);
    }
}

TEST_CASE("a preactivation of exactly 0 at a kink leaves its tensor undecided, not wrong") {
    Network network = plain_network({1, 1, 1, 1}, "relu", false, 1);
    network.tensors[0].values(0, 0) = 0;
    const FiniteDifferenceResult result = compare(network, gradients_of(network, 1, 1));
    CHECK(result.undecided == 1);  // the first weight moves z_1 away from 0, up and down
    CHECK(result.decided == 2);    // the others move nothing: their input is 0
    CHECK(result.error < finite_difference_tolerance);
    CHECK(result.steps_rejected > 0);
}

TEST_CASE("a right Jacobian agrees with finite differences along every path of a residual network") {
    for (const std::string& name : activation_names()) {
        CAPTURE(name);
        Network residual = test::random_residual(5, 7, 81, name);
        for (int order = 0; order < 2; ++order) {  // the block's last tensors move one input of the sum only
            std::swap(residual.nodes[5].inputs[0], residual.nodes[5].inputs[1]);
            const FiniteDifferenceResult result = compare(residual, gradients_of(residual, 3, 1));
            CHECK(result.error < finite_difference_tolerance);
            CHECK(result.undecided == 0);
            CHECK(result.decided == 8 * 3);
        }
    }
    const Network doubled = test::random_doubled(5, 7, 82);
    const FiniteDifferenceResult result = compare(doubled, gradients_of(doubled, 3, 1));
    CHECK(result.error < finite_difference_tolerance);
    CHECK(result.undecided == 0);
    const Network gated = test::random_gated(5, 7, 84);
    const FiniteDifferenceResult of_gated = compare(gated, gradients_of(gated, 3, 1));
    CHECK(of_gated.error < finite_difference_tolerance);
    CHECK(of_gated.undecided == 0);
    const Network softmax = test::random_softmax(5, 7, 85);
    const FiniteDifferenceResult of_softmax = compare(softmax, gradients_of(softmax, 3, 1));
    CHECK(of_softmax.error < finite_difference_tolerance);
    CHECK(of_softmax.undecided == 0);
}

TEST_CASE("a Jacobian that lost the path around a block, or through it, is found where the paths part") {
    const Network network = test::random_residual(5, 7, 83, "tanh");
    const Index z = network.nodes[0].output, x = network.nodes[1].output, sum = network.nodes[5].output;
    for (const bool lose_skip : {true, false}) {
        CAPTURE(lose_skip);
        std::vector<SampleGradient> samples = gradients_of(network, 2, 1);
        for (SampleGradient& sample : samples) {  // D_z = (D_sum + what comes through the block) * c phi'(z)
            const Matrix<double>& both = sample.sensitivities[at(x)];
            const Matrix<double>& skip = sample.sensitivities[at(sum)];
            Matrix<double>& D = sample.sensitivities[at(z)];
            for (Index k = 0; k < D.size(); ++k)
                D.data()[k] *=
                    (lose_skip ? both.data()[k] - skip.data()[k] : skip.data()[k]) / both.data()[k];
        }
        const FiniteDifferenceResult result = compare(network, samples);
        CHECK(result.error > 1e-3);
        CHECK(is_of(network.nodes[0], result.worst));
    }
}

TEST_CASE("a tensor that does not lead to the output is decided: its derivative is zero, its Jacobian too") {
    Network network = plain_network(small, "tanh", true, 0.5);
    test::add_random_dense(network, "dead", 2, 4, 84);
    const FiniteDifferenceResult result = compare(network, gradients_of(network, 2, 1));
    CHECK(result.error < finite_difference_tolerance);
    CHECK(result.decided == 8 * 2);
}

TEST_CASE("a tensor that two nodes share moves both, and the second one's input") {
    Network network = plain_network({4, 4, 4, 2}, "tanh", true, 0.5);
    network.nodes[2].tensors = network.nodes[0].tensors;
    std::vector<SampleGradient> samples = gradients_of(network, 3, 1);
    FiniteDifferenceResult result = compare(network, samples);
    CHECK(result.error < finite_difference_tolerance);
    CHECK(result.undecided == 0);
    for (SampleGradient& sample : samples) multiply(sensitivity(network, sample, 1), 0);  // one use forgotten
    result = compare(network, samples);
    CHECK(result.error > 1e-3);
    CHECK(is_of(network.nodes[0], result.worst));
}
