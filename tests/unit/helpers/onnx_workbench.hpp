#pragma once
// One node of an ONNX file as the reader lowers it, with values, parameters and constants that go into it.

#include "input/onnx/lowering.hpp"
#include "temporary_file.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tangram::test {

using namespace onnx_file;

using Numbers = std::vector<double>;

/// A network whose input, a parameter and constants go into one node.
struct Workbench {
    Network network{};
    std::map<Index, Index> parameters{};
    onnx_file::Node node{};
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

}  // namespace tangram::test
