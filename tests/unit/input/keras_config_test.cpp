// What Keras' configuration says of a network: the activation of each layer, or why it is no chain.

#include "keras_files.hpp"
#include "tangram/input/tensors.hpp"

#include <doctest/doctest.h>

using namespace tangram;
using test::error_of;
using test::says;
using test::TemporaryFile;

namespace {

const std::string metadata_3 = R"({"keras_version": "3.3.3"})";

/// A layer as a JSON text; `extra` are further entries of it.
std::string layer(const std::string& kind, const std::string& name, const std::string& config,
                  const std::string& extra = "") {
    return fmt::format(R"({{"class_name": "{}", "name": "{}", "config": {}{}{}}})", kind, name, config,
                       extra.empty() ? "" : ", ", extra);
}

std::string fed_by(const std::string& name) {
    return fmt::format(R"("inbound_nodes": [[["{}", 0, 0, {{}}]]])", name);
}

const std::string input = layer("InputLayer", "in", "{}", R"("inbound_nodes": [])");
const std::string first = layer("Dense", "a", R"({"activation": "relu"})", fed_by("in"));
const std::string second = layer("Dense", "b", R"({"activation": "linear"})", fed_by("a"));

std::string sequential(const std::string& layers) {
    return fmt::format(R"({{"class_name": "Sequential", "config": {{"layers": [{}]}}}})", layers);
}

std::string functional(const std::string& layers, const std::string& outputs = R"([["b", 0, 0]])") {
    return fmt::format(
        R"({{"module": "keras", "class_name": "Functional", "config": {{"layers": [{}], "output_layers": {}}}}})",
        layers, outputs);
}

ModelFile read(const std::string& config, const std::string& metadata = metadata_3) {
    const TemporaryFile file("m.keras", test::keras_archive(config, metadata));
    return read_model(file.path());
}

/// The activation between two layers of which the first is configured so.
std::string hidden(const std::string& layers, const std::string& metadata = metadata_3) {
    return read(sequential(layers + ", " + layer("Dense", "b", "{}")), metadata).metadata.at("activation");
}

std::string refusal(const std::string& config, const std::string& metadata = metadata_3) {
    return error_of(ExitCode::bad_input, [&] { read(config, metadata); });
}

/// A dense layer, and after it another layer with this configuration.
std::string dense_and(const std::string& kind, const std::string& config) {
    return layer("Dense", "a", "{}") + ", " + layer(kind, "f", config);
}

}  // namespace

TEST_CASE("activations of Keras' layers are ours by value") {
    CHECK(hidden(dense_and("LeakyReLU", R"({"alpha": 0.1})")) == "leaky_relu:0.1");
    CHECK(hidden(dense_and("LeakyReLU", R"({"negative_slope": 0.2, "alpha": null})")) == "leaky_relu:0.2");
    CHECK(hidden(dense_and("LeakyReLU", "{}")) == "leaky_relu:0.3");
    CHECK(hidden(dense_and("ELU", R"({"alpha": 0.5})")) == "elu:0.5");
    CHECK(hidden(dense_and("ReLU", R"({"max_value": null, "threshold": 0.0})")) == "relu");
    CHECK(hidden(dense_and("ReLU", R"({"max_value": 6.0})")) == "relu6");
    CHECK(hidden(dense_and("ReLU", R"({"negative_slope": 0.25})")) == "leaky_relu:0.25");
    CHECK(hidden(dense_and("Activation", R"({"activation": "swish"})")) == "silu");
    CHECK(hidden(layer("Dense", "a", R"({"activation": "leaky_relu"})")) == "leaky_relu:0.2");
    CHECK(hidden(layer("Dense", "a", R"({"activation": "hard_silu"})")) == "hardswish");
    CHECK(hidden(dense_and("Dropout", R"({"rate": 0.5})")) == "identity");
}

TEST_CASE("a number that cannot be read is not taken for the default") {
    for (const char* kind : {"LeakyReLU", "ELU"}) {
        INFO(std::string(kind));
        CHECK(says(
            refusal(sequential(dense_and(kind, R"({"alpha": {"class_name": "__numpy__", "config": 0.1}})"))),
            "the Keras layer f is with an entry alpha that is no number"));
    }
    CHECK(says(refusal(sequential(dense_and("ReLU", R"({"max_value": 0})"))), "largest value"));
    CHECK(says(refusal(sequential(dense_and("ReLU", R"({"max_value": 6, "negative_slope": 0.1})"))),
               "largest value"));
    CHECK(says(refusal(sequential(dense_and("ReLU", R"({"threshold": 1.0})"))), "threshold"));
}

TEST_CASE("hard_sigmoid is the function of the version of Keras that saved it") {
    const std::string layers = layer("Dense", "a", R"({"activation": "hard_sigmoid"})");
    CHECK(hidden(layers) == "hardsigmoid");
    // Version 2.13 writes the same archive and configuration, and means clip(0.2 z + 0.5).
    for (const char* metadata :
         {R"({"keras_version": "2.13.1"})", "{}", "no JSON", R"({"keras_version": 3})"}) {
        INFO(std::string(metadata));
        CHECK(says(refusal(functional(input + ", " +
                                      layer("Dense", "a", R"({"activation": "hard_sigmoid"})", fed_by("in"))),
                           metadata),
                   "activation 'hard_sigmoid'"));
    }
}

TEST_CASE("a functional model that is no chain is refused by the layer that shows it") {
    const std::string chain = input + ", " + first + ", " + second;
    CHECK(read(functional(chain)).metadata.at("activation") == "relu");
    CHECK(read(functional(chain, R"(["b", 0, 0])")).metadata.at("output_activation") == "identity");
    // Two branches, each with an input of its own, that widths would chain.
    const std::string other = layer("InputLayer", "in2", "{}", R"("inbound_nodes": [])");
    const std::string beside = layer("Dense", "b", "{}", fed_by("in2"));
    CHECK(says(refusal(functional(input + ", " + first + ", " + other + ", " + beside)),
               "layer in2 is not connected"));
    CHECK(says(refusal(functional(input + ", " + other + ", " + first + ", " + beside)),
               "layer in2 is not connected"));
    CHECK(
        says(refusal(functional(chain, R"([["a", 0, 0], ["b", 0, 0]])")), "layer a is an output of its own"));
    CHECK(says(refusal(functional(input + ", " + first + ", " + layer("Dense", "b", "{}", fed_by("in")))),
               "layer b is not connected"));
    const std::string twice = R"("inbound_nodes": [[["a", 0, 0, {}]], [["a", 0, 1, {}]]])";
    CHECK(says(refusal(functional(input + ", " + first + ", " + layer("Dense", "b", "{}", twice))),
               "used several times"));
    CHECK(says(refusal(functional(input + ", " + first + ", " +
                                  layer("Add", "s", "{}", R"("inbound_nodes": [[["a"], ["in"]]])"))),
               "layer s is not connected"));
    CHECK(says(refusal(functional(chain + ", " + layer("BatchNormalization", "n", "{}", fed_by("b")),
                                  R"([["n", 0, 0]])")),
               "of class BatchNormalization"));
}

TEST_CASE("a softmax at the end of a Keras model belongs to the network, and can be left out") {
    for (const char* end : {"softmax", "log_softmax"}) {
        const ModelFile model =
            read(sequential(layer("Dense", "a", R"({"activation": "tanh"})") + ", " +
                            layer("Dense", "b", fmt::format(R"({{"activation": "{}"}})", end))));
        CHECK(with_metadata_defaults({}, model).output_activation == end);
        NetworkOptions given;
        given.output_activation = "identity";
        CHECK(with_metadata_defaults(given, model).activations == std::vector<std::string>{"tanh"});
        CHECK(with_metadata_defaults(given, model).output_activation == "identity");
    }
}
