// What the operators of ONNX become: how many nodes, which derivative at ties and corners, what is refused. That they compute
// the right numbers is seen by the standard's own cases (tests/reference/onnx_operator_cases.py).

#include "input/onnx/lowering.hpp"
#include "input/onnx/operator_notes.hpp"
#include "input/onnx/refused.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>

using namespace tangram;
using namespace tangram::onnx_file;
using test::error_of;
using test::says;

namespace {

using Numbers = std::vector<double>;

/// A network whose input, a parameter and constants go into one node.
struct Workbench {
    Network network{};
    std::map<Index, Index> parameters{};
    tangram::onnx_file::Node node{};
    std::int64_t opset = 17;
    std::vector<std::optional<Operand>> inputs{};

    explicit Workbench(const char* op_type) {
        node.op_type = op_type;
        node.name = "here";
        node.outputs = {"y"};
    }
    Workbench& value(Shape shape) {
        const Index size = count(shape);
        network.values.push_back({"x", size});
        inputs.emplace_back(
            Operand{std::move(shape), Type::number, nullptr, static_cast<Index>(network.values.size()) - 1});
        return *this;
    }
    Workbench& parameter(const std::string& name, Shape shape) {
        const Index size = count(shape);
        const Index tensor = add_tensor(network, name, shape, Matrix<double>(1, size));
        const Index made = add_node(network, Parameter{}, name, {}, {tensor}, size);
        parameters[made] = tensor;
        inputs.emplace_back(Operand{std::move(shape), Type::number, nullptr, made});
        return *this;
    }
    Workbench& numbers(Shape shape, Numbers values, Type type = Type::number) {
        inputs.emplace_back(constant(std::move(shape), std::move(values), type));
        return *this;
    }
    Workbench& integers(const Numbers& values) {
        return numbers({static_cast<Index>(values.size())}, values, Type::integer);
    }
    Workbench& nothing() {
        inputs.emplace_back(std::nullopt);
        return *this;
    }
    Workbench& with(const char* name, Attribute attribute) {
        node.attributes[name] = std::move(attribute);
        return *this;
    }
    Workbench& in_opset(std::int64_t number) {
        opset = number;
        return *this;
    }
    std::vector<Operand> all_outputs() {
        Builder builder{network, "node", parameters};
        Lowering lowering{builder, node, opset, "net.onnx", inputs, {}};
        lower(lowering);
        return lowering.outputs;
    }
    Operand output() { return all_outputs().at(0); }
    std::string refusal() {
        return error_of(ExitCode::bad_input, [&] { all_outputs(); });
    }
    /// The operators that were added, one after the other.
    std::string operators() {
        output();
        std::string names;
        for (const auto& made : network.nodes)
            names += (names.empty() ? "" : " ") + std::string(name_of(made.op));
        return names;
    }
};

using Integers = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("onnx lowering: a single number is applied, other constants are values, shapes need no node") {
    CHECK(Workbench("Mul").value({2, 3}).numbers({}, {3}).operators() == "Apply");
    CHECK(Workbench("Sub").numbers({1, 1}, {3}).value({2, 3}).operators() == "Apply");
    CHECK(Workbench("Neg").value({2, 3}).operators() == "Apply");
    CHECK(Workbench("Add").value({2, 3}).value({2, 3}).operators() == "Add");
    CHECK(Workbench("Add").value({2, 3}).numbers({3}, {1, 2, 3}).operators() == "Constant Add");
    CHECK(Workbench("Add").value({2, 3}).value({3}).operators() == "Arrange Add");
    CHECK(Workbench("Add").value({1, 3}).value({3}).operators() == "Add");
    CHECK(Workbench("Reshape").value({2, 3}).integers({-1}).operators().empty());
    CHECK(Workbench("Transpose").value({1, 3}).operators().empty());
    CHECK(Workbench("Transpose").value({2, 3}).operators() == "Arrange");
    CHECK(Workbench("Gemm").value({1, 3}).parameter("w", {4, 3}).with("transB", 1).operators() ==
          "Parameter MatMul");
    CHECK(Workbench("Pow").value({3}).numbers({}, {2}).operators() == "Apply");
    CHECK(Workbench("Cast").value({3}).with("to", 11).operators().empty());
}

TEST_CASE("onnx lowering: constants are computed at once, integers as integers") {
    const Operand quotient = Workbench("Div").integers({7, -7}).integers({2, 2}).output();
    REQUIRE(quotient.is_constant());
    CHECK(*quotient.constant == Numbers{3, -3});
    CHECK(quotient.type == Type::integer);
    CHECK(*Workbench("Shape").value({4, 5, 6}).with("start", -2).output().constant == Numbers{5, 6});
    CHECK(*Workbench("Where")
               .numbers({2}, {1, 0}, Type::boolean)
               .integers({1, 2})
               .integers({3, 4})
               .output()
               .constant == Numbers{1, 4});
    const Operand chosen =
        Workbench("Where").numbers({2}, {1, 0}, Type::boolean).value({2}).numbers({}, {0}).output();
    // What has no entries is nothing that a network could compute.
    CHECK(Workbench("Slice").value({6}).integers({5}).integers({3}).output().is_constant());
    CHECK_FALSE(chosen.is_constant());
    CHECK(chosen.shape == Shape{2});
}

TEST_CASE("onnx lowering: a batch of two is two convolutions with one weight") {
    CHECK(Workbench("Conv").value({2, 1, 5}).parameter("w", {1, 1, 3}).operators() ==
          "Parameter Arrange Convolve Arrange Convolve Arrange");
}

TEST_CASE("onnx lowering: pools give the derivative to the first of equals, Max and ReduceMax to all") {
    const auto shares = [](Workbench&& bench) {
        bench.output();
        for (const auto& made : bench.network.nodes) {
            if (const auto* op = std::get_if<Largest>(&made.op)) return op->shares_ties;
        }
        throw std::runtime_error("no Largest");
    };
    CHECK_FALSE(shares(std::move(Workbench("MaxPool").value({1, 1, 4}).with("kernel_shape", Integers{2}))));
    CHECK_FALSE(shares(std::move(Workbench("GlobalMaxPool").value({1, 2, 4}))));
    CHECK(shares(std::move(Workbench("Max").value({4}).value({4}))));
    CHECK(shares(std::move(Workbench("Min").value({4}).numbers({}, {0}))));
    CHECK(shares(std::move(Workbench("ReduceMin").value({4}))));
}

TEST_CASE("onnx lowering: float32 attributes that mean PyTorch's functions become them") {
    const auto kind_of = [](Workbench&& bench) {
        bench.output();
        return std::get<Activate>(bench.network.nodes.at(0).op).phi.kind;
    };
    const auto in_float = [](double x) { return static_cast<double>(static_cast<float>(x)); };
    CHECK(kind_of(std::move(Workbench("Selu").value({2}))) == ActivationKind::selu);
    CHECK(kind_of(std::move(Workbench("Selu")
                                .value({2})
                                .with("alpha", 1.67326319217681884765625)
                                .with("gamma", 1.05070102214813232421875))) == ActivationKind::selu);
    CHECK(kind_of(std::move(Workbench("Selu").value({2}).with("alpha", 1.5))) == ActivationKind::elu);
    CHECK(kind_of(std::move(Workbench("HardSigmoid").value({2}).with("alpha", in_float(1.0 / 6)))) ==
          ActivationKind::hardsigmoid);
    CHECK(Workbench("HardSigmoid").value({2}).operators() == "Apply Apply");
}

TEST_CASE("onnx lowering: what jumps, powers of values and transposed convolutions become") {
    CHECK(Workbench("Floor").value({2}).operators() == "Apply");
    CHECK(Workbench("Pow").value({2}).value({2}).operators() == "Power");
    CHECK(Workbench("Pow").numbers({}, {2}).value({2}).operators() == "Constant Power");
    CHECK(Workbench("ConvTranspose").value({1, 2, 3}).parameter("w", {2, 1, 2}).operators() ==
          "Parameter MatMul Combine");
    CHECK(Workbench("Resize").value({1, 1, 2}).nothing().nothing().integers({1, 1, 4}).operators() ==
          "Arrange");
    CHECK(Workbench("Resize")
              .value({1, 1, 2})
              .nothing()
              .nothing()
              .integers({1, 1, 4})
              .with("mode", std::string("linear"))
              .operators() == "Combine");
    CHECK(says(Workbench("Resize")
                   .value({1, 1, 2})
                   .nothing()
                   .nothing()
                   .integers({1, 1, 4})
                   .with("coordinate_transformation_mode", std::string("tf_crop_and_resize"))
                   .refusal(),
               "tf_crop_and_resize"));
}

TEST_CASE("onnx lowering: every operator that is read is described once, and no other") {
    std::map<std::string, int> described;
    for (const OperatorNote& note : operator_notes()) {
        std::istringstream names(note.operators);
        for (std::string name; names >> name;) ++described[name];
    }
    for (const Refusal& refusal : refusals()) ++described[refusal.op_type];
    for (const std::span<const Entry> family : operator_families()) {
        for (const Entry& entry : family) {
            CAPTURE(entry.op_type);
            CHECK(described[entry.op_type] == 1);
            described.erase(entry.op_type);
        }
    }
    for (const auto& one : described) {
        CAPTURE(one.first);
        CHECK(one.second == 0);
    }
}

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

TEST_CASE(
    "onnx lowering: indices that depend on the sample are looked up, comparisons and steps are values") {
    CHECK(Workbench("Gather").parameter("table", {5, 3}).value({1, 4}).operators() == "Parameter Lookup");
    CHECK(Workbench("Gather").parameter("table", {3, 5}).value({2}).with("axis", 1).operators() ==
          "Parameter Arrange Lookup Arrange");
    CHECK(Workbench("Gather").parameter("table", {5, 3}).integers({-1, 0}).operators() ==
          "Parameter Arrange");
    CHECK(Workbench("Equal").value({2}).value({2}).operators() == "Compare");
    CHECK(Workbench("Cast").value({2}).with("to", 7).operators() == "Apply");
    CHECK(Workbench("Floor").value({2}).operators() == "Apply");
    CHECK(Workbench("Where").value({2}).value({2}).value({2}).operators() == "Choose");
    CHECK(Workbench("Equal").value({2}).value({2}).output().type == Type::boolean);
}

TEST_CASE("onnx lowering: what a mask of -infinity is added to is finite beside it") {
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(Workbench("Add").value({2}).numbers({2}, {0, -infinity}).operators() ==
          "Constant Add Constant Arrange");
    const Operand masked = Workbench("Add").value({2}).numbers({2}, {0, -infinity}).output();
    CHECK(masked.is_masked);
    CHECK(Workbench("Add").value({2}).numbers({2}, {0, -1e30}).operators() == "Constant Add");
}

TEST_CASE(
    "onnx lowering: an Einsum is a product of matrices where something is summed over, and refused where it is none") {
    const auto einsum = [](const char* equation, const Shape& a, const Shape& b) {
        return std::move(Workbench("Einsum").value(a).value(b).with("equation", std::string(equation)));
    };
    CHECK(einsum("btc,hcd->bhtd", {1, 2, 3}, {4, 3, 5}).output().shape == Shape{1, 4, 2, 5});
    CHECK(einsum("ij,jk->ik", {2, 3}, {3, 4}).operators() == "MatMul");
    CHECK(einsum("i,j->ij", {2}, {3}).output().shape == Shape{2, 3});
    CHECK(einsum("...i,...i->...", {4, 2, 3}, {2, 3}).output().shape == Shape{4, 2});
    for (const char* equation :
         {"ij,jk->il", "ij,k", "i,jk", "ij", "ij,jk,kl", "ij,jk->ii", "i1,jk", "..i,jk"})
        CHECK(says(einsum(equation, {2, 3}, {3, 4}).refusal(), "Einsum"));
    CHECK(says(einsum("ij,jk->ik", {2, 3}, {4, 5}).refusal(), "3 and 4"));
    CHECK(says(einsum("......,jk->jk", {2, 3, 4, 5}, {3, 4}).refusal(), "Einsum"));
    CHECK(says(einsum("ii,jk->jk", {1, 3}, {3, 4}).refusal(), "1 and 3"));
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
