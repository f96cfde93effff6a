// From tensors to a chain of layers: names, order, widths.

#include "model_files.hpp"
#include "tangram/input/layer_order.hpp"
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
    CHECK(says(refusal(open), "give --layers fc1,fc2,out or --layers fc1,out,fc2"));
    CHECK(order_of(open, {"out", "fc1", "fc2"}) == Names{"out", "fc1", "fc2"});
    CHECK(order_of(open, {"fc2", "fc1", "out"}) == Names{"fc2", "fc1", "out"});
    CHECK(says(refusal(weights({{"a", 3, 3}, {"b", 3, 3}})), "give --layers a,b or --layers b,a"));
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

TEST_CASE("--layers names modules once, in an order that chains, and leaves out the others with a line") {
    const ModelFile model = weights({{"fc1", 8, 4}, {"fc2", 8, 8}, {"out", 2, 8}});
    CHECK(says(refusal(model, {"fc1", "fc3", "out"}, ExitCode::usage),
               "no module 'fc3' (m.safetensors): the model has fc1, fc2, out"));
    CHECK(says(refusal(model, {"fc1", "fc1", "fc2", "out"}, ExitCode::usage), "'fc1' is named twice"));
    std::vector<std::string> notes;
    CHECK(chain_layers(model, {"fc1", "out"}, &notes).depth() == 2);
    CHECK(notes == Names{"model: --layers leaves out fc2"});
    const ModelFile policy = model_of({{"pi.weight", {2, 3}}, {"log_std", {2}}, {"norm.weight", {3}}});
    CHECK(chain_layers(policy, {"pi"}, &notes).depth() == 1);
    CHECK(notes == Names{"model: --layers leaves out log_std, norm"});
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
               "name all of them kernel instead of weight, also the square ones"));
    CHECK_FALSE(says(refusal(weights({{"fc1", 100, 784}, {"fc2", 10, 128}})), "transposed"));
}

TEST_CASE("whatever is no fully connected layer is refused by name") {
    const std::pair<std::string, std::vector<Index>> good{"fc1.weight", {2, 3}};
    const auto with = [&](const std::string& name, const std::vector<Index>& shape) {
        return refusal(model_of({good, {name, shape}}));
    };
    CHECK(says(refusal(model_of({})), "no tensors"));
    CHECK(says(with("bn.running_mean", {2}),
               "a BatchNorm is in the model (m.safetensors:bn.running_mean, (2))"));
    CHECK(says(with("scale", {}), "scale, ()"));
    CHECK(says(with("fc2.bias", {2}), "a bias without a weight (m.safetensors:fc2.bias, (2))"));
    CHECK(says(with("fc1.bias", {3, 1}), "does not fit its weight fc1.weight (2, 3)"));
    CHECK(says(with("fc1.bias", {5}), "m.safetensors:fc1.bias, (5)"));
    CHECK(says(with("fc1.bias", {}), "fc1.bias, ()"));
    CHECK(says(with("log_std", {2}), "neither a weight nor a bias (m.safetensors:log_std, (2))"));
    CHECK(says(
        with("norm.weight", {2}),
        "a PReLU, or a normalization without a shift, is in the model (m.safetensors:norm.weight, (2))"));
    CHECK(says(with("fc2.weight_g", {2, 1}), "a weight_norm"));
    CHECK(says(with("fc2.parametrizations.weight.original0", {2, 1}), "a weight_norm"));
    CHECK(says(with("tok.embedding", {9, 3}), "an embedding"));
    CHECK(says(with("wte.weight", {9, 3}), "an embedding"));
    CHECK(says(refusal(model_of({good, {"n.weight", {2}}, {"n.bias", {2}}})), "a normalization (LayerNorm"));
    CHECK(says(refusal(model_of({good, {"n.weight", {2}}, {"n.bias", {2}}, {"n.running_var", {2}}})),
               "a BatchNorm is in the model (m.safetensors:n.running_var, (2))"));
    CHECK(says(with("conv.weight", {4, 3, 3, 3}),
               "a convolution is in the model (m.safetensors:conv.weight, (4, 3, 3, 3))"));
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

TEST_CASE("modules side by side that would make a chain are refused by what they are") {
    for (const std::string part : {"lora_A", "lora_A.default", "lora_down", "adapter_down"}) {
        INFO(part);
        const ModelFile adapters = weights({{"0." + part, 2, 4}, {"0.lora_B", 8, 2}, {"2.lora_A", 2, 8}});
        CHECK(says(refusal(adapters), "a low-rank adapter"));
    }
    for (const std::string query : {"q_proj", "to_q", "query", "wq", "linear_q"}) {
        INFO(query);
        std::string key = query;
        key.replace(query.find('q'), query == "query" ? 5 : 1, query == "query" ? "key" : "k");
        CHECK(says(refusal(weights({{"a." + query, 4, 4}, {"a." + key, 4, 4}, {"a.out", 4, 4}})),
                   "an attention"));
    }
    CHECK(says(refusal(weights({{"attn.qkv", 12, 4}, {"attn.proj", 4, 4}})), "an attention"));
    CHECK(says(refusal(weights({{"gate_proj", 8, 4}, {"up_proj", 8, 4}, {"down_proj", 4, 8}})),
               "a gated layer"));
    CHECK(says(refusal(weights({{"l1.plain", 4, 4}, {"l1.gate", 4, 4}})), "a gated layer"));
    CHECK(says(refusal(model_of({{"tok_emb.weight", {9, 3}}, {"fc.weight", {3, 3}}, {"fc.bias", {3}}})),
               "an embedding"));
    CHECK(says(refusal(model_of({{"0.weight", {3, 8, 4}}, {"0.bias", {3, 8}}})),
               "a stack of 3 layers (an ensemble)"));
    // Names that only look alike.
    CHECK(order_of(weights({{"ensemble", 4, 3}, {"gate", 2, 4}})) == Names{"ensemble", "gate"});
    CHECK(order_of(weights({{"equal1", 4, 3}, {"sequence2", 2, 4}})) == Names{"equal1", "sequence2"});
}

TEST_CASE("tensors that were named by hand are told what to be called") {
    CHECK(says(refusal(model_of({{"W1", {8, 4}}, {"b1", {8}}})), "call their matrices NAME.weight"));
    CHECK(says(refusal(weights({{"0", 8, 4}, {"2", 2, 8}, {"ema.0", 8, 4}, {"ema.2", 2, 8}})),
               "parts that chain by themselves are --layers 0,2, and m.safetensors:ema"));
}

TEST_CASE("a network without module names, and names in UTF-8, are kept") {
    const Chain chain = chain_layers(model_of({{"weight", {2, 3}}, {"bias", {2}}}), {});
    CHECK(chain.layers[0].name == "layer1");
    CHECK(chain.layers[0].weight_name == "weight");
    CHECK(chain.layers[0].bias_name == "bias");
    CHECK(chain.parameters() == 8);
    CHECK(order_of(weights({{"gr\xc3\xb6\xc3\x9f"
                             "e",
                             2, 3}})) == Names{"gr\xc3\xb6\xc3\x9f"
                                               "e"});
}

TEST_CASE("weights and biases land in their layers") {
    ModelFile model = model_of({{"b.1.bias", {2}}, {"b.1.weight", {2, 3}}, {"b.0.weight", {3, 1}}});
    model.tensors[0].values = {7, 8};
    model.tensors[1].values = {1, 2, 3, 4, 5, 6};
    const Chain chain = chain_layers(std::move(model), {});
    CHECK(chain.depth() == 2);
    CHECK(chain.inputs() == 1);
    CHECK(chain.outputs() == 2);
    CHECK(chain.parameters() == 3 + 6 + 2);
    CHECK(chain.layers[1].weight(1, 0) == 4);
    CHECK(chain.layers[1].bias == Numbers{7, 8});
    CHECK(chain.layers[0].bias_name.empty());
}

TEST_CASE("what several networks in one file are called is suggested, where it works") {
    const ModelFile critics = model_of({{"q1.0.weight", {8, 4}},
                                        {"q1.2.weight", {1, 8}},
                                        {"q2.0.weight", {8, 4}},
                                        {"q2.2.weight", {1, 8}},
                                        {"log_alpha", {1}}});
    CHECK(says(refusal(critics), "a part that chains by itself is m.safetensors:q1, m.safetensors:q2"));
    const ModelFile heads = weights({{"trunk1", 8, 4}, {"trunk2", 8, 8}, {"policy", 2, 8}, {"value", 1, 8}});
    CHECK(says(refusal(heads), "--layers trunk1,trunk2,policy, for example"));
    CHECK(order_of(heads, {"trunk1", "trunk2", "policy"}).size() == 3);
    const ModelFile skip =
        weights({{"pts.0", 8, 3}, {"pts.1", 8, 8}, {"pts.2", 8, 11}, {"pts.3", 8, 8}, {"out", 4, 8}});
    CHECK(says(refusal(skip), "pts.2 takes 11 = 8 + 3 values"));
    CHECK_FALSE(says(refusal(skip), "FILE"));
}

TEST_CASE("the same chain several times is refused until it is said what is meant") {
    const ModelFile several = weights({{"nets.0.fc1", 8, 1},
                                       {"nets.0.fc2", 1, 8},
                                       {"nets.1.fc1", 8, 1},
                                       {"nets.1.fc2", 1, 8},
                                       {"nets.2.fc1", 8, 1},
                                       {"nets.2.fc2", 1, 8}});
    CHECK(says(refusal(several), "the same layers 3 times (m.safetensors: nets.0, nets.1, nets.2)"));
    const Names all{"nets.0.fc1", "nets.0.fc2", "nets.1.fc1", "nets.1.fc2", "nets.2.fc1", "nets.2.fc2"};
    CHECK(
        says(refusal(several), "--layers nets.0.fc1,nets.0.fc2,nets.1.fc1,nets.1.fc2,nets.2.fc1,nets.2.fc2"));
    CHECK(order_of(several, all) == all);
    CHECK(order_of(several, {"nets.1.fc1", "nets.1.fc2"}).size() == 2);
    CHECK(order_of(weights({{"net.0", 8, 8}, {"net.2", 8, 8}, {"net.4", 8, 8}, {"net.6", 8, 8}})).size() ==
          4);
}

TEST_CASE("what a chain may not be is pointed out") {
    const auto notes_of = [](const ModelFile& model) {
        std::vector<std::string> notes;
        chain_layers(model, {}, &notes);
        std::string all;
        for (const std::string& note : notes) all += note + "|";
        return all;
    };
    CHECK(says(notes_of(weights({{"in", 8, 2}, {"blocks.0.fc", 8, 8}, {"blocks.1.fc", 8, 8}, {"out", 1, 8}})),
               "model: blocks.0, blocks.1 give as many values as they take"));
    CHECK(notes_of(weights({{"fc1", 8, 2}, {"fc2", 8, 8}, {"fc3", 8, 8}, {"fc4", 1, 8}})).empty());
    CHECK(notes_of(weights({{"0", 8, 2}, {"2", 8, 8}, {"4", 1, 8}})).empty());
    CHECK(says(notes_of(weights({{"0", 8, 2}, {"3", 8, 8}, {"5", 1, 8}})),
               "between 0 and 3 there are 2 modules"));
    CHECK(says(notes_of(weights({{"0", 8, 2}, {"1", 8, 8}, {"3", 1, 8}})), "0 and 1 follow each other"));
    ModelFile tied = weights({{"a1", 2, 2}, {"a2", 2, 2}});
    CHECK(notes_of(tied).empty());  // constants are nothing special
    for (Tensor& tensor : tied.tensors) tensor.values = {1, 2, 3, 4};
    CHECK(says(notes_of(tied), "a1.weight, a2.weight hold the same values"));
    tied.metadata["tangram.shared"] = R"([["a1.weight", "a2.weight"]])";
    CHECK(says(refusal(tied), "a1.weight, a2.weight are one tensor in the checkpoint"));
    CHECK(order_of(tied, {"a1"}).size() == 1);
    tied.metadata["tangram.shared"] = "[[";
    CHECK(says(refusal(tied), "tangram.shared"));
}
