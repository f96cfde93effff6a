// Numbers that go wrong inside the network are refused before a tile is computed, by layer, sample and tensor; and
// nothing is refused that a tile would have held.

#include "tangram/tangent/wrong_number.hpp"

#include "random_networks.hpp"
#include "tangram/product/entry_range.hpp"
#include "tangram/tangent/features.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

/// The features of X, and the range of the entries that they make; what goes wrong, "" if nothing does.
template <class T>
std::string refusal(const Network& network, const Matrix<double>& X,
                    ReductionKind kind = ReductionKind::trace) {
    const Reduction reduction = make_reduction(kind, network.outputs());
    const PanelLayout layout = lay_out_panel(network, reduction, X.rows(), sizeof(T));
    const AlignedBuffer<T> block(layout.size);
    Matrix<double> outputs(X.rows(), network.outputs());
    FeatureScratch scratch;
    try {
        compute_features({network, reduction, layout}, X.view(), 40, block.data(), outputs.view(), scratch);
        require_entries_in_range(network, reduction, layout, X.rows(), 40, block.data());
    } catch (const WrongNumberError& error) {
        return error.what();
    }
    return "";
}

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// 1 -> 1 -> 1 with these weights, no biases, all scales 1 but perhaps that of the first.
Network thread_of(double first, double second, const std::string& activation, double first_scale = 1) {
    Chain chain = random_chain({1, 1, 1}, {activation, "identity"}, {false, false}, 1);
    chain.layers[0].weight(0, 0) = first;
    chain.layers[0].weight_scale = first_scale;
    chain.layers[1].weight(0, 0) = second;
    chain.layers[1].weight_scale = 1;
    for (Layer& layer : chain.layers) layer.output_scale = 1;
    return make_network(std::move(chain));
}

/// Two samples, the second of them `value`.
Matrix<double> samples_of(double value) {
    Matrix<double> X(2, 1);
    X(0, 0) = 1e-3;
    X(1, 0) = value;
    return X;
}

}  // namespace

TEST_CASE("an overflow in a layer is refused by layer, sample, tensor and quantity") {
    const Matrix<double> X = samples_of(1e10);
    CHECK(says(refusal<double>(thread_of(1e300, 1, "identity"), X),
               "the preactivation of layer fc1 is inf (fc1.weight, (1, 1), unit 0; sample 41)"));
    CHECK(
        says(refusal<float>(thread_of(1e30, 1, "identity"), X),
             "the activation of layer fc1 is 1e+40, beyond float32 (fc1.weight, (1, 1), unit 0; sample 41)"));
    CHECK(says(refusal<float>(thread_of(1, 1, "identity"), samples_of(1e39)),
               "the input of layer fc1 is 1e+39, beyond float32"));
    CHECK(says(refusal<double>(thread_of(1, 1e300, "identity"), X), "the preactivation of layer fc2 is inf"));
}

TEST_CASE("an infinity that tanh would hide is refused all the same") {
    CHECK(says(refusal<double>(thread_of(1e300, 1, "tanh"), samples_of(1e10)),
               "the preactivation of layer fc1 is inf"));
}

TEST_CASE("an infinite product that tanh would hide is refused by its own name") {
    Network network;
    network.values.push_back({"input", 1});
    const Index square = add_product(network, 0, 0);
    const Index hidden = add_activation(network, "tanh", square, 1);
    network.output = add_random_dense(network, "fc", hidden, 1, 5);
    CHECK(refusal<double>(network, samples_of(1e150)).empty());
    const std::string refused = refusal<double>(network, samples_of(1e160));
    CHECK_MESSAGE(says(refused, "the product after"), refused);
    CHECK_MESSAGE(says(refused, "is inf"), refused);
    CHECK_MESSAGE(says(refused, "sample 41"), refused);
}

TEST_CASE("a sensitivity that overflows is refused though every activation is small") {
    Chain chain = random_chain({1, 1, 1, 1}, {"identity", "identity", "identity"}, {false, false, false}, 1);
    for (Layer& layer : chain.layers) {
        layer.weight_scale = layer.output_scale = 1;
        layer.weight(0, 0) = 1e200;
    }
    chain.layers[0].weight(0, 0) = 1;
    const Network network = make_network(std::move(chain));
    const Matrix<double> zeros(2, 1);
    CHECK(says(refusal<double>(network, zeros),
               "the sensitivity at layer fc1 is inf (fc1.weight, (1, 1), unit 0; sample 40)"));
    CHECK(says(refusal<float>(network, zeros), "the sensitivity at layer fc2 is 1e+200, beyond float32"));
}

TEST_CASE("a kernel entry beyond the precision is known from the features, and float64 holds it") {
    const Matrix<double> X = samples_of(1e12);
    const Network network = thread_of(1e12, 1, "identity");
    CHECK(says(refusal<float>(network, X),
               "the squared norm of the input of layer fc2 is 1e+48, beyond float32 (fc2.weight, (1, 1); "
               "sample 41)"));
    CHECK(refusal<double>(network, X).empty());
    // Products that fit, whose product does not.
    CHECK(says(refusal<float>(thread_of(1, 1e15, "identity"), samples_of(1e15)),
               "the diagonal kernel entry of layer fc1 is 1e+60, beyond float32"));
    CHECK(says(refusal<double>(thread_of(1, 1, "identity"), samples_of(1e160)), "beyond float64"));
}

TEST_CASE("entries up to the end of float32 are not refused, for every reduction") {
    // |x|^2 (|S_1|^2 + 1) = 2 x^2 for weights of 1.
    const double x = std::sqrt(0.49 * static_cast<double>(std::numeric_limits<float>::max()));
    for (const ReductionKind kind : all_reductions()) {
        CAPTURE(to_string(kind));
        CHECK(refusal<float>(thread_of(1, 1, "identity"), samples_of(x), kind).empty());
        const std::string beyond = refusal<float>(thread_of(1, 1, "identity"), samples_of(1.5 * x), kind);
        CHECK_MESSAGE(says(beyond, "sample 41"), beyond);
    }
}

TEST_CASE("a scale whose square is beyond float32 is refused") {
    const Network network = thread_of(1, 1, "identity", 1e20);
    CHECK(says(refusal<float>(network, samples_of(1e-30)), "the squared scale of layer fc1 is 1e+40"));
    CHECK(refusal<double>(network, samples_of(1e-30)).empty());
}
