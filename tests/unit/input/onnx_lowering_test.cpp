// What the operators of ONNX become: how many nodes, which derivative at ties and corners, what is refused. That they compute
// the right numbers is seen by the standard's own cases (tests/reference/onnx_operator_cases.py).

#include "input/onnx/operator_notes.hpp"
#include "input/onnx/refused.hpp"
#include "onnx_workbench.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>

using namespace tangram;
using namespace tangram::onnx_file;
using namespace tangram::test;

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
    CHECK(Workbench("Add").value({2}).numbers({2}, {0, infinity}).operators() == "Constant Add");  // no mask
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
