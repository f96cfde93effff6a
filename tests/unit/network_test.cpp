// From tensors to a chain of layers: names, order, widths.

#include "model_files.hpp"
#include "tangram/model/layer_order.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
using namespace tangram;
using test::error_of;
using test::model_of;
using test::says;
using test::weights;

namespace {

std::vector<std::string> order_of(const ModelFile& model, const std::vector<std::string>& layers = {}) {
    std::vector<std::string> names;
    for (const Layer& layer : chain_layers(model, layers).layers) names.push_back(layer.name);
    return names;
}

std::string refusal(const ModelFile& model, const std::vector<std::string>& layers = {},
                    ExitCode code = ExitCode::bad_input) {
    return error_of(code, [&] { chain_layers(model, layers); });
}

using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("names with numbers are ordered as numbers, whatever the order of the tensors") {
    std::vector<std::tuple<std::string, Index, Index>> modules;
    Names expected;
    for (int i = 0; i < 25; ++i) {
        expected.push_back(fmt::format("net.layers.{}", i));
        modules.emplace_back(expected.back(), 3, 3);
    }
    std::mt19937 random(7);
    for (int trial = 0; trial < 20; ++trial) {
        std::shuffle(modules.begin(), modules.end(), random);
        CHECK(order_of(weights(modules)) == expected);
    }
    CHECK(order_of(weights({{"b2.fc1", 2, 2}, {"b10.fc1", 2, 2}, {"b2.fc11", 2, 2}, {"b2.fc9", 2, 2}})) ==
          Names{"b2.fc1", "b2.fc9", "b2.fc11", "b10.fc1"});
    CHECK(
        order_of(weights({{"l18446744073709551617", 2, 2}, {"l9", 2, 2}, {"l18446744073709551616", 2, 2}})) ==
        Names{"l9", "l18446744073709551616", "l18446744073709551617"});
}

TEST_CASE("only numbers settle an order") {
    CHECK(precedes("fc2", "fc10"));
    CHECK_FALSE(precedes("fc10", "fc2"));
    CHECK(precedes("blocks.0.up", "blocks.1.down"));
    CHECK_FALSE(precedes("fc1", "out"));
    CHECK_FALSE(precedes("a", "b"));
    CHECK_FALSE(precedes("fc1", "fc01"));
    CHECK_FALSE(precedes("fc", "fc1"));
    CHECK_FALSE(precedes("fc1", "fc1"));
}

TEST_CASE("natural order is a strict weak order that agrees with what the names settle") {
    const Names names{"",   "1",   "01", "2",   "10", "a",   "a1",  "a01", "a1b",
                      "a2", "a10", "ab", "ab1", "b",  "b-1", "a.1", "."};
    for (const std::string& a : names) {
        CHECK_FALSE(natural_less(a, a));
        for (const std::string& b : names) {
            if (a != b) CHECK(natural_less(a, b) != natural_less(b, a));
            if (precedes(a, b)) CHECK(natural_less(a, b));
            for (const std::string& c : names) {
                if (natural_less(a, b) && natural_less(b, c)) CHECK(natural_less(a, c));
                if (precedes(a, b) && precedes(b, c)) CHECK(precedes(a, c));
            }
        }
    }
}

TEST_CASE("widths settle what names leave open, if they can") {
    CHECK(order_of(weights({{"fc1", 8, 4}, {"fc2", 8, 8}, {"out", 2, 8}})) == Names{"fc1", "fc2", "out"});
    CHECK(order_of(weights({{"output", 1, 5}, {"hidden", 5, 5}, {"input", 5, 3}})) ==
          Names{"input", "hidden", "output"});
    CHECK(order_of(weights({{"dec1", 6, 3}, {"dec2", 9, 6}, {"enc1", 6, 10}, {"enc2", 3, 6}})) ==
          Names{"enc1", "enc2", "dec1", "dec2"});
    CHECK(order_of(weights({{"blocks.0.up", 8, 4},
                            {"blocks.0.down", 4, 8},
                            {"blocks.1.up", 8, 4},
                            {"blocks.1.down", 4, 8},
                            {"blocks.2.up", 8, 4}})) ==
          Names{"blocks.0.up", "blocks.0.down", "blocks.1.up", "blocks.1.down", "blocks.2.up"});
    // The numbers are kept even where the widths alone would allow another order.
    CHECK(order_of(weights({{"fc1", 4, 4}, {"fc2", 4, 4}, {"head", 2, 4}})) == Names{"fc1", "fc2", "head"});
}

TEST_CASE("an order that neither names nor widths settle is refused, and --layers settles it") {
    const ModelFile open = weights({{"fc1", 4, 4}, {"fc2", 4, 4}, {"out", 4, 4}});
    CHECK(says(refusal(open), "both fc1, fc2, out and fc1, out, fc2 chain: give --layers a,b,c"));
    CHECK(order_of(open, {"out", "fc1", "fc2"}) == Names{"out", "fc1", "fc2"});
    CHECK(order_of(open, {"fc2", "fc1", "out"}) == Names{"fc2", "fc1", "out"});
    CHECK(says(refusal(weights({{"a", 3, 3}, {"b", 3, 3}})), "both a, b and b, a chain"));
}

TEST_CASE("many modules whose names settle nothing are refused in no time") {
    std::vector<std::tuple<std::string, Index, Index>> modules;
    modules.reserve(1500);
    for (int i = 0; i < 40; ++i) {
        modules.emplace_back(std::string(static_cast<std::size_t>(i) + 1, 'x'), 2, 2);
    }
    CHECK(says(refusal(weights(modules)), "--layers"));
    modules.emplace_back("last", 7, 3);  // now no order chains, and there are 40! to try
    CHECK(says(refusal(weights(modules)), "--layers"));
    for (int i = 40; i < 1500; ++i) {
        modules.emplace_back(
            std::string(static_cast<std::size_t>(i) / 8 + 1, 'y') + static_cast<char>('a' + i % 8), 2, 2);
    }
    CHECK(says(refusal(weights(modules)), "--layers"));
}

TEST_CASE("--layers names every module exactly once and chains") {
    const ModelFile model = weights({{"fc1", 8, 4}, {"fc2", 8, 8}, {"out", 2, 8}});
    CHECK(says(refusal(model, {"fc1", "fc3", "out"}, ExitCode::usage),
               "no module 'fc3' (m.safetensors): the model has fc1, fc2, out"));
    CHECK(says(refusal(model, {"fc1", "fc1", "fc2", "out"}, ExitCode::usage), "'fc1' is named twice"));
    CHECK(says(refusal(model, {"fc1", "out"}, ExitCode::usage), "leaves out fc2"));
    CHECK(says(refusal(model, {"fc2", "fc1", "out"}), "fc2.weight (8, 8) is followed by fc1.weight (8, 4)"));
}

TEST_CASE("layers that do not chain are refused naming both tensors and shapes") {
    CHECK(says(refusal(weights({{"fc1", 100, 784}, {"fc2", 10, 128}})),
               "(m.safetensors:fc1.weight, (100, 784)): fc1.weight gives 100 values, which fc2.weight (10, "
               "128) does not take"));
    CHECK(says(refusal(weights({{"in", 8, 4}, {"mid", 8, 9}, {"out", 2, 8}})), "does not take"));
}

TEST_CASE("kernels stored as (in, out) are recognised") {
    CHECK(says(refusal(weights({{"fc1", 784, 100}, {"fc2", 100, 50}, {"fc3", 50, 10}})), "transposed"));
    CHECK(says(refusal(weights({{"hidden", 784, 100}, {"out", 100, 10}})), "(out, in)") ==
          false);  // chains as out, hidden
    CHECK(says(refusal(model_of({{"fc1.weight", {784, 100}}, {"fc1.bias", {100}}})),
               "transpose a Keras kernel"));
    CHECK_FALSE(says(refusal(weights({{"fc1", 100, 784}, {"fc2", 10, 128}})), "transposed"));
}

TEST_CASE("whatever is no fully connected layer is refused by name") {
    const std::pair<std::string, std::vector<Index>> good{"fc1.weight", {2, 3}};
    const auto with = [&](const std::string& name, const std::vector<Index>& shape) {
        return refusal(model_of({good, {name, shape}}));
    };
    CHECK(says(refusal(model_of({})), "no tensors"));
    CHECK(says(with("bn.running_mean", {2}),
               "neither a weight nor a bias (m.safetensors:bn.running_mean, (2))"));
    CHECK(says(with("scale", {}), "scale, ()"));
    CHECK(says(with("fc2.bias", {2}), "a bias without a weight (m.safetensors:fc2.bias, (2))"));
    CHECK(says(with("fc1.bias", {3, 1}), "does not fit its weight fc1.weight (2, 3)"));
    CHECK(says(with("fc1.bias", {5}), "m.safetensors:fc1.bias, (5)"));
    CHECK(says(with("fc1.bias", {}), "fc1.bias, ()"));
    CHECK(says(with("norm.weight", {2}), "not a matrix (m.safetensors:norm.weight, (2))"));
    CHECK(says(with("conv.weight", {4, 3, 3, 3}), "conv.weight, (4, 3, 3, 3)"));
    CHECK(says(with("fc2.weight", {0, 2}), "without entries"));
    CHECK(says(with("fc2.weight", {2, 0}), "without entries"));
    CHECK(says(with("fc1.weight", {2, 3}), "two tensors of one name"));
    CHECK(says(with("weight", {2, 2}), "a weight without a module"));
    for (const char* name :
         {"a/b.weight", ".weight", "a..weight", "a.", "", ".", "a\nb.weight", "a\xc2\x85.weight"}) {
        INFO(std::string(name));
        CHECK(says(with(name, {2, 2}), "rename it"));
    }
}

TEST_CASE("a network without module names, and names in UTF-8, are kept") {
    const Network network = chain_layers(model_of({{"weight", {2, 3}}, {"bias", {2}}}), {});
    CHECK(network.layers[0].name == "layer1");
    CHECK(network.layers[0].weight_name == "weight");
    CHECK(network.layers[0].bias_name == "bias");
    CHECK(network.parameters() == 8);
    CHECK(order_of(weights({{"gr\xc3\xb6\xc3\x9f"
                             "e",
                             2, 3}})) == Names{"gr\xc3\xb6\xc3\x9f"
                                               "e"});
}

TEST_CASE("weights and biases land in their layers") {
    ModelFile model = model_of({{"b.1.bias", {2}}, {"b.1.weight", {2, 3}}, {"b.0.weight", {3, 1}}});
    model.tensors[0].values = {7, 8};
    model.tensors[1].values = {1, 2, 3, 4, 5, 6};
    const Network network = chain_layers(std::move(model), {});
    CHECK(network.depth() == 2);
    CHECK(network.inputs() == 1);
    CHECK(network.outputs() == 2);
    CHECK(network.parameters() == 3 + 6 + 2);
    CHECK(network.layers[1].weight(1, 0) == 4);
    CHECK(network.layers[1].bias == Numbers{7, 8});
    CHECK(network.layers[0].bias_name.empty());
}
