// What the operators of ONNX refuse, and by which name.

#include "onnx_workbench.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <sstream>

using namespace tangram;
using namespace tangram::onnx_file;
using namespace tangram::test;

TEST_CASE("onnx lowering: what has to be constant is refused by name") {
    CHECK(
        Workbench("Clip").value({2}).parameter("bound", {}).refusal() ==
        "net.onnx: node 'here' (Clip): min is the parameter 'bound': only a constant can be used here, so freeze it, or export the model without it");
    CHECK(says(Workbench("Reshape").value({2}).value({1}).refusal(), "its shape depends on the samples"));
    CHECK(says(Workbench("Trilu").value({2, 2}).value({1}).refusal(), "the diagonal depends on the samples"));
    CHECK(says(Workbench("Resize").value({1, 2}).nothing().value({2}).refusal(),
               "scales depends on the samples"));
    CHECK(says(Workbench("ScatterElements").value({2}).value({2}).value({2}).refusal(),
               "depends on the samples"));
}

TEST_CASE("onnx lowering: what couples samples or is random is refused, what is known by its own reason") {
    const auto norm = [] {
        Workbench bench("BatchNormalization");
        bench.value({1, 2, 3})
            .numbers({2}, {1, 1})
            .numbers({2}, {0, 0})
            .numbers({2}, {0, 0})
            .numbers({2}, {1, 1});
        return bench;
    };
    CHECK(norm().refusal() == "(no error)");
    CHECK(says(norm().with("training_mode", 1).refusal(), "couples samples"));
    Workbench early = norm();
    early.node.outputs = {"y", "mean"};
    CHECK(says(early.in_opset(9).refusal(), "couples samples"));
    CHECK(
        says(Workbench("Dropout").value({2}).nothing().numbers({}, {1}, Type::boolean).refusal(), "random"));
    CHECK(says(Workbench("LSTM").value({2}).refusal(), "nn.LSTMCell"));
    CHECK(says(Workbench("RandomNormal").refusal(), "random"));
    CHECK(says(Workbench("Hardmax").value({2}).refusal(), "has no derivative"));
    for (const char* unknown : {"If", "Loop", ""}) CHECK_FALSE(static_cast<bool>(lowering_of(unknown)));
}

TEST_CASE("onnx lowering: shapes that do not fit, overflow or are absurd are refused with the node's name") {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    const double far = 9007199254740992;
    std::vector<Workbench> benches;
    const auto bench = [&](const char* op_type) -> Workbench& { return benches.emplace_back(op_type); };
    benches.reserve(100);
    bench("Add").value({2}).value({3});
    bench("Add");
    bench("MatMul").value({2, 3}).value({2, 3});
    bench("MatMul").value({}).value({3});
    bench("Gemm").value({3}).value({3, 3});
    bench("Reshape").value({2, 3}).integers({-1, -1});
    bench("Reshape").value({2, 3}).integers({4, -1});
    bench("Reshape").value({2, 3}).integers({0, 0, 0});
    bench("Reshape").value({2, 3}).integers({far, far});
    bench("Reshape").value({2, 3}).numbers({1}, {std::nan("")});
    bench("Reshape").value({2, 3}).with("allowzero", 1).integers({0, -1});
    bench("Flatten").value({2, 3}).with("axis", most);
    bench("Transpose").value({2, 3}).with("perm", Integers{0, 0});
    bench("Transpose").value({2, 3}).with("perm", Integers{0});
    bench("Transpose").value({2, 3}).with("perm", 1);
    bench("Squeeze").value({2, 3}).integers({0});
    bench("Unsqueeze").value({2, 3}).integers({0, 0});
    bench("Unsqueeze").value({2, 3});
    bench("Concat").value({2, 3}).value({2}).with("axis", 0);
    bench("Concat").value({2, 3}).value({3, 2}).with("axis", 0);
    bench("Split").value({6}).integers({7, -1});
    bench("Split").value({6}).integers({far, far});
    bench("Slice").value({6}).integers({0}).integers({3}).integers({1});
    bench("Slice").value({6}).integers({0}).integers({3}).integers({0}).integers({0});
    bench("Slice").value({6}).integers({0, 1}).integers({3});
    bench("Pad").value({2, 3}).integers({0, far, 0, far});
    bench("Pad").value({2, 3}).integers({0, 3, 0, 0}).with("mode", std::string("reflect"));
    bench("Pad").value({2, 3}).integers({0, -9, 0, 0});
    bench("Pad").value({2, 3}).with("pads", Integers{least, least, most, most}).in_opset(9);
    bench("Expand").value({2, 3}).integers({far, 2, 3});
    bench("Expand").value({2, 3}).integers({4, 3});
    bench("Tile").value({2}).integers({far});
    bench("Tile").value({2}).integers({-1});
    bench("Gather").value({2}).integers({2});
    bench("Gather").value({}).integers({0});
    bench("ConstantOfShape").integers({far, far, 0});
    bench("Range").numbers({}, {0}).numbers({}, {1}).numbers({}, {0});
    bench("Range").numbers({}, {0}).numbers({}, {1e300}).numbers({}, {1});
    bench("Div").integers({1}).integers({0});
    bench("Mod").integers({1}).integers({0});
    bench("MaxPool").value({1, 1, 4});
    bench("MaxPool").value({1, 1, 4}).with("kernel_shape", Integers{most});
    bench("MaxPool").value({1, 1, 4}).with("kernel_shape", Integers{5});
    bench("MaxPool").value({1, 1, 4}).with("kernel_shape", Integers{2}).with("strides", Integers{0});
    bench("MaxPool").value({1, 1, 4}).with("kernel_shape", Integers{2}).with("dilations", Integers{least});
    bench("MaxPool").value({1, 1, 4}).with("kernel_shape", Integers{2}).with("pads", Integers{2, 2});
    bench("MaxPool")
        .value({1, 1, 4})
        .with("kernel_shape", Integers{2})
        .with("pads", Integers{1 << 30, 1 << 30});
    bench("MaxPool").value({4}).with("kernel_shape", Integers{2});
    bench("AveragePool").value({1, 1, 4}).with("kernel_shape", Integers{});
    bench("GlobalAveragePool").value({1, 4});
    bench("ReduceMean").value({1, 4}).with("axes", Integers{2});
    bench("Conv").value({1, 3, 5}).value({4, 2, 3});
    bench("Conv").value({1, 3, 5}).value({4, 3, 3}).with("group", 0);
    bench("Conv").value({1, 3, 5}).value({4, 3, 3}).with("kernel_shape", Integers{2});
    bench("Conv").value({1, 3, 5}).value({4, 3, 3}).value({3});
    bench("Conv").value({1, 3, 5}).value({4, 3});
    bench("LayerNormalization").value({2, 3}).value({2});
    bench("InstanceNormalization").value({2, 3, 4}).value({2}).value({3});
    bench("Softmax").value({2, 3}).with("axis", 2);
    bench("Softmax").value({});
    bench("Constant");
    bench("Constant").with("value", Tensor{"t", {3}, Type::number, {1}});
    bench("Clip").value({2}).numbers({}, {1}).numbers({}, {0});
    bench("Clip").value({2}).numbers({}, {std::nan("")});
    bench("Clip").value({2}).numbers({2}, {0, 1});
    for (std::size_t k = 0; k < benches.size(); ++k) {
        CAPTURE(k);
        CAPTURE(benches[k].node.op_type);
        CHECK(says(benches[k].refusal(), "net.onnx: node 'here' (" + benches[k].node.op_type + "): "));
    }
}
