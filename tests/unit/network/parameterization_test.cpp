// From a chain of layers to a configured network: activations, parameterizations, scales, metadata.

#include "model_files.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
using namespace tangram;
using test::error_of;
using test::model_of;
using test::says;
using test::weights;

namespace {

/// 4 -> 9 -> 16 -> 2 with biases in layers 1 and 3.
Chain three_layers() {
    return chain_layers(model_of({{"fc1.weight", {9, 4}},
                                  {"fc1.bias", {9}},
                                  {"fc2.weight", {16, 9}},
                                  {"fc3.weight", {2, 16}},
                                  {"fc3.bias", {2}}}),
                        {});
}

Chain configured(NetworkOptions options, Chain chain = three_layers()) {
    if (options.activations.empty()) options.activations = {"tanh"};
    configure(chain, options);
    return chain;
}

std::string usage(const NetworkOptions& options) {
    return error_of(ExitCode::usage, [&] { configured(options); });
}

std::vector<double> scales(const Chain& chain, double Layer::*scale) {
    std::vector<double> values;
    for (const Layer& layer : chain.layers) values.push_back(layer.*scale);
    return values;
}

using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("the standard parameterization has scales 1, the others what the table in docs says") {
    const Chain standard = configured({});
    for (const auto scale : {&Layer::weight_scale, &Layer::bias_scale, &Layer::output_scale}) {
        CHECK(scales(standard, scale) == Numbers{1, 1, 1});
    }

    const Chain ntk = configured({.parameterization = "ntk", .bias_std = {0.25}});
    CHECK(scales(ntk, &Layer::weight_scale) == Numbers{1.0 / 2, 1.0 / 3, 1.0 / 4});
    CHECK(scales(ntk, &Layer::bias_scale) == Numbers{0.25, 1, 0.25});
    CHECK(scales(ntk, &Layer::output_scale) == Numbers{1, 1, 1});
    const Chain each =
        configured({.parameterization = "ntk", .weight_std = {2, 3, 8}, .bias_std = {0.5, 9, 0}});
    CHECK(scales(each, &Layer::weight_scale) == Numbers{1, 1, 2});
    CHECK(scales(each, &Layer::bias_scale) == Numbers{0.5, 1, 0});

    for (const char* name : {"post-activation", "torchntk"}) {
        const Chain post = configured({.parameterization = name});
        CHECK(scales(post, &Layer::weight_scale) == Numbers{1, 1, 1});
        CHECK(scales(post, &Layer::output_scale) == Numbers{1.0 / 3, 1.0 / 4, 1});
    }
}

TEST_CASE("explicit scales override those of the parameterization") {
    const Chain chain = configured({.parameterization = "ntk",
                                    .weight_std = {4},
                                    .bias_scale = {5, 6, 7},
                                    .output_scale = {0.5, -1, 2}});
    CHECK(scales(chain, &Layer::weight_scale) == Numbers{2, 4.0 / 3, 1});
    CHECK(scales(chain, &Layer::bias_scale) == Numbers{5, 6, 7});
    CHECK(scales(chain, &Layer::output_scale) == Numbers{0.5, -1, 2});
    CHECK(scales(configured({.weight_scale = {1, 2, 3}}), &Layer::weight_scale) == Numbers{1, 2, 3});
}

TEST_CASE("scales that do not fit the network are refused with exit code 2") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(says(usage({.weight_std = {1}}), "--weight-std has no meaning in the parameterization standard"));
    CHECK(says(usage({.parameterization = "torchntk", .bias_std = {1}}), "--bias-std has no meaning"));
    CHECK(says(usage({.parameterization = "ntk"}), "needs --bias-std"));
    CHECK(says(usage({.parameterization = "ntk", .bias_std = {1, 2}}),
               "--bias-std has 2 numbers for 3 layers"));
    CHECK(says(usage({.parameterization = "ntk", .weight_std = {1, 2, 3, 4}, .bias_std = {1}}),
               "--weight-std has 4"));
    CHECK(says(usage({.parameterization = "ntk", .bias_std = {std::nan("")}}), "finite"));
    CHECK(says(usage({.weight_scale = {1}}), "--weight-scale has 1 numbers for 3 layers"));
    CHECK(says(usage({.output_scale = {1, 1, infinity}}), "--output-scale holds inf"));
    CHECK(says(
        usage({.parameterization = "ntk", .weight_std = {1}, .bias_std = {1}, .weight_scale = {1, 1, 1}}),
        "--weight-std and --weight-scale"));
    CHECK(says(usage({.parameterization = "ntk", .bias_std = {1}, .bias_scale = {1, 1, 1}}),
               "--bias-std and --bias-scale"));
    CHECK(says(usage({.parameterization = "nkt"}), "did you mean ntk?"));
    const Chain plain =
        configured({.parameterization = "ntk"}, chain_layers(weights({{"a1", 2, 4}, {"a2", 1, 2}}), {}));
    CHECK(plain.layers[0].weight_scale == 0.5);  // without biases no bias_std is asked for
}

TEST_CASE("activations: one for all hidden layers or one for each, identity at the output") {
    const auto kinds = [](const NetworkOptions& options) {
        Names names;
        for (const Layer& layer : configured(options).layers) names.push_back(to_string(layer.activation));
        return names;
    };
    CHECK(kinds({.activations = {"relu"}}) == Names{"relu", "relu", "identity"});
    CHECK(kinds({.activations = {"relu", "elu:2"}, .output_activation = "sigmoid"}) ==
          Names{"relu", "elu:2", "sigmoid"});
    CHECK(says(usage({.activations = {"relu", "relu", "relu"}}), "the last layer's is --output-activation"));
    CHECK(says(usage({.activations = {"relu", "rleu"}}), "did you mean relu"));
    CHECK(says(usage({.activations = {"softmax"}}), "at the end of a network only"));
    const Chain probabilities = configured({.activations = {"relu"}, .output_activation = "log_softmax"});
    REQUIRE(probabilities.layers.back().softmax.has_value());
    CHECK(probabilities.layers.back().softmax->logarithm);
    CHECK(output_operator(make_network(
              configured({.activations = {"relu"}, .output_activation = "softmax"}))) == "softmax");
    Chain chain = three_layers();
    CHECK(says(error_of(ExitCode::usage, [&] { configure(chain, {}); }), "give --activation"));
}

TEST_CASE("a network of one layer needs no activation") {
    Chain chain = chain_layers(weights({{"fc", 2, 3}}), {});
    configure(chain, {});
    CHECK(chain.layers[0].activation.kind == ActivationKind::identity);
    configure(chain, {.activations = {"relu"}, .output_activation = "tanh", .parameterization = "torchntk"});
    CHECK(to_string(chain.layers[0].activation) == "tanh");
    CHECK(chain.layers[0].output_scale == 1);
    CHECK(says(error_of(ExitCode::usage,
                        [&] {
                            configure(chain, {.activations = {"relu", "relu"}});
                        }),
               "0 hidden layers"));
    CHECK(says(error_of(ExitCode::usage, [&] { configure(chain, {.activations = {"rleu"}}); }),
               "did you mean relu"));
}

namespace {

NetworkOptions with(const std::map<std::string, std::string>& metadata, const NetworkOptions& given = {}) {
    ModelFile model = weights({{"fc1", 9, 4}, {"fc2", 16, 9}, {"fc3", 2, 16}});
    model.metadata = metadata;
    return with_metadata_defaults(given, model);
}

}  // namespace

TEST_CASE("metadata fills what the user did not give, and nothing else") {
    const NetworkOptions read = with({{"format", "pt"},
                                      {"activation", "relu, elu:2"},
                                      {"output_activation", "tanh"},
                                      {"parameterization", "ntk"},
                                      {"weight_std", "1.5"},
                                      {"bias_scale", "1,2,3"},
                                      {"output_scale", "1,1e-3,-2"},
                                      {"layers", "fc1,fc2,fc3"}});
    CHECK(read.activations == Names{"relu", "elu:2"});
    CHECK(read.output_activation == "tanh");
    CHECK(read.parameterization == "ntk");
    CHECK(read.weight_std == Numbers{1.5});
    CHECK(read.bias_scale == Numbers{1, 2, 3});
    CHECK(read.output_scale == Numbers{1, 1e-3, -2});
    CHECK(read.layer_order == Names{"fc1", "fc2", "fc3"});
    CHECK_FALSE(with({{"format", "pt"}}).parameterization.has_value());

    const NetworkOptions given =
        with({{"activation", "relu"}, {"output_activation", "tanh"}, {"layers", "nonsense"}},
             {.activations = {"sin"}, .output_activation = "erf", .layer_order = {"x"}});
    CHECK(given.activations == Names{"sin"});
    CHECK(given.output_activation == "erf");
    CHECK(given.layer_order == Names{"x"});
}

TEST_CASE("scales in the metadata are taken over for their own parameterization only") {
    const std::map<std::string, std::string> ntk{
        {"parameterization", "ntk"}, {"weight_std", "1.5"}, {"bias_std", "0.1"}, {"output_scale", "1,1,2"}};
    CHECK(with(ntk, {.parameterization = "ntk"}).weight_std == Numbers{1.5});
    const NetworkOptions other = with(ntk, {.parameterization = "standard"});
    CHECK(other.weight_std.empty());
    CHECK(other.bias_std.empty());
    CHECK(other.output_scale.empty());
    CHECK(with({{"parameterization", "torchntk"}, {"output_scale", "1,1,2"}},
               {.parameterization = "post-activation"})
              .output_scale == Numbers{1, 1, 2});
    CHECK(with({{"output_scale", "1,1,2"}}, {.parameterization = "ntk"}).output_scale.empty());

    const NetworkOptions mixed =
        with(ntk, {.weight_scale = {1, 2, 3}});  // a std and a scale exclude each other
    CHECK(mixed.weight_std.empty());
    CHECK(mixed.bias_std == Numbers{0.1});
    CHECK(with(ntk, {.weight_std = {2}}).weight_std == Numbers{2});
}

TEST_CASE("metadata that cannot be used is refused with exit code 3 naming the key") {
    const auto refused = [](const std::map<std::string, std::string>& metadata) {
        return error_of(ExitCode::bad_input, [&] { with(metadata); });
    };
    CHECK(says(refused({{"activation", "rleu"}}), "m.safetensors:__metadata__.activation = 'rleu'"));
    CHECK(says(refused({{"activation", ""}}), "__metadata__.activation"));
    CHECK(says(refused({{"activation", "relu,relu,relu"}}), "3 entries where the network takes 2"));
    CHECK(says(refused({{"output_activation", "relu,tanh"}}), "__metadata__.output_activation"));
    CHECK(says(refused({{"parameterization", "mup"}}), "__metadata__.parameterization"));
    CHECK(says(refused({{"parameterization", "ntk"}, {"weight_std", "one"}}),
               "__metadata__.weight_std = 'one'"));
    CHECK(says(refused({{"parameterization", "ntk"}, {"weight_std", "nan"}}), "__metadata__.weight_std"));
    CHECK(says(refused({{"parameterization", "ntk"}, {"bias_std", "1,,2"}}), "__metadata__.bias_std"));
    CHECK(says(refused({{"weight_std", "1"}}), "in the parameterization ntk only"));
    CHECK(says(refused({{"parameterization", "ntk"}, {"weight_std", "1"}, {"weight_scale", "1,1,1"}}),
               "keep one"));
    CHECK(says(refused({{"weight_scale", "1,2"}}), "2 entries where the network takes 3"));
    CHECK(says(refused({{"layers", "fc1,fc2,out"}}), "no tensor 'out.weight'"));
    CHECK(says(refused({{"layers", "fc1,fc2,fc2"}}), "each module once"));
    CHECK(says(refused({{"layers", "fc1,fc2"}}), "__metadata__.layers"));
    CHECK(says(refused({{"activation", "a\nb"}}), "'a?b'"));
}

TEST_CASE("the table shows one aligned line a layer, scales only where they differ from 1") {
    CHECK(to_table(configured({.activations = {"tanh", "leaky_relu:0.2"}})) ==
          "layer  name  in  out  activation      bias  parameters\n"
          "    1  fc1    4    9  tanh            yes           45\n"
          "    2  fc2    9   16  leaky_relu:0.2  no           144\n"
          "    3  fc3   16    2  identity        yes           34\n"
          "3 layers, 4 inputs, 2 outputs, 223 parameters\n");
    CHECK(to_table(configured({.parameterization = "ntk", .bias_std = {0.25}})) ==
          "layer  name  in  out  activation  bias         a     b  c  parameters\n"
          "    1  fc1    4    9  tanh        yes        0.5  0.25  1          45\n"
          "    2  fc2    9   16  tanh        no    0.333333     -  1         144\n"
          "    3  fc3   16    2  identity    yes       0.25  0.25  1          34\n"
          "3 layers, 4 inputs, 2 outputs, 223 parameters\n");
}
