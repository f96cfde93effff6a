#include "operators.hpp"

#include "operators/kinds.hpp"
#include "tangram/support/error.hpp"

namespace tangram::reference {

ConstMatrixView<double> repeated(const Vector& v, Index points) {
    return {v.data(), points, static_cast<Index>(v.size()), 0};
}

Operands operands_of(const Network& network, const Node& node, const SampleGradient& sample) {
    Operands in;
    for (const Index input : node.inputs) in.inputs.push_back(repeated(sample.value(input), 1));
    for (const Index tensor : node.tensors) in.tensors.push_back(network.tensors[at(tensor)].values.view());
    return in;
}

void forward(const Node& node, const Operands& in, MatrixView<double> y) {
    std::visit([&](const auto& op) { forward(op, in, y); }, node.op);
}

Vector magnitudes(const Node& node, const Operands& in) {
    const auto visit = [&](const auto& op) -> Vector {
        if constexpr (requires { magnitudes(op, in); }) return magnitudes(op, in);
        return {};
    };
    return std::visit(visit, node.op);
}

void pull_back(const Node& node, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x) {
    std::visit([&](const auto& op) { pull_back(op, in, D_y, D_x); }, node.op);
}

void pull_back_magnitudes(const Node& node, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_x) {
    const auto visit = [&](const auto& op) {
        if constexpr (requires { pull_back_magnitudes(op, in, D_y, D_x); })
            pull_back_magnitudes(op, in, D_y, D_x);
        else
            pull_back(op, in, D_y, D_x);
    };
    std::visit(visit, node.op);
}

void gradient(const Node& node, const Operands& in, std::size_t tensor, std::span<const double> d,
              double* J) {
    const auto visit = [&](const auto& op) {
        if constexpr (requires { gradient(op, in, tensor, d, J); }) return gradient(op, in, tensor, d, J);
        fail(ExitCode::failed, "the reference has no gradient of the tensors of {}", name_of(node.op));
    };
    std::visit(visit, node.op);
}

bool has_units_anywhere(const Node& node) {
    return std::holds_alternative<Lookup>(node.op) || std::holds_alternative<Stored>(node.op);
}

void gradient_of_units(const Node& node, const Operands& in, std::span<const double> d, Index first_unit,
                       std::span<double> J) {
    const auto visit = [&](const auto& op) {
        if constexpr (requires { gradient_of_units(op, in, d, first_unit, J); })
            return gradient_of_units(op, in, d, first_unit, J);
        fail(ExitCode::failed, "the reference has no units anywhere of {}", name_of(node.op));
    };
    std::visit(visit, node.op);
}

void add_rate(const Node& node, const Operands& in, std::size_t tensor, const Direction& u,
              MatrixView<double> rate) {
    const auto visit = [&](const auto& op) {
        if constexpr (requires { add_rate(op, in, tensor, u, rate); })
            return add_rate(op, in, tensor, u, rate);
        fail(ExitCode::failed, "the reference has no rate of the tensors of {}", name_of(node.op));
    };
    std::visit(visit, node.op);
}

bool crosses_kink(const Node& node, const Operands& middle, const Operands& ends) {
    const auto visit = [&](const auto& op) {
        if constexpr (requires { crosses_kink(op, middle, ends); }) return crosses_kink(op, middle, ends);
        return false;
    };
    return std::visit(visit, node.op);
}

bool branches_differ(const Node& node, const Operands& here, const Operands& there) {
    const auto visit = [&](const auto& op) {
        if constexpr (requires { branches_differ(op, here, there); }) return branches_differ(op, here, there);
        return false;
    };
    return std::visit(visit, node.op);
}

void add_inherited(const Node& node, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y) {
    const auto visit = [&](const auto& op) {
        if constexpr (requires { add_inherited(op, in, x, y); }) add_inherited(op, in, x, y);
    };
    std::visit(visit, node.op);
}

}  // namespace tangram::reference
