// The scalar nonlinearities of ONNX as activations of ours, whose derivatives at kinks are PyTorch's; and what becomes the
// identity when a network is evaluated.

#include "lowering.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

namespace tangram::onnx_file {

namespace {

/// Attributes are float32: whether this one is what is left of `number`.
bool rounds_to(double attribute, double number) {
    return static_cast<float>(attribute) == static_cast<float>(number);
}

template <ActivationKind kind>
void activate_one(Lowering& l) {
    give(l, activate(l.builder, l.input(0), {kind, 0}));
}

void leaky_relu(Lowering& l) {
    give(l, activate(l.builder, l.input(0), {ActivationKind::leaky_relu, l.number("alpha", 0.01)}));
}

/// relu(x) + slope min(x, 0), where min(x, 0) = x - relu(x) has the slope 1 at 0: as PyTorch has it.
void prelu(Lowering& l) {
    const Operand& x = l.input(0);
    const Operand& slope = l.input(1);
    if (slope.is_constant() && slope.constant->size() == 1 && slope.shape.size() <= x.shape.size()) {
        give(l, activate(l.builder, x, {ActivationKind::leaky_relu, slope.constant->front()}));
        return;
    }
    const Operand above = activate(l.builder, x, {ActivationKind::relu, 0});
    const Operand below = add(l.builder, x, above, -1);
    give(l, add(l.builder, above, multiply(l.builder, below, broadcast(l.builder, slope, x.shape))));
}

void elu(Lowering& l) {
    give(l, activate(l.builder, l.input(0), {ActivationKind::elu, l.number("alpha", 1)}));
}

void celu(Lowering& l) {
    const double alpha = l.number("alpha", 1);
    if (!(alpha > 0)) refuse(l, fmt::format("alpha is {}", alpha), "it must be greater than 0");
    give(l, activate(l.builder, l.input(0), {ActivationKind::celu, alpha}));
}

/// gamma elu(x). ONNX's defaults are the constants of selu in float32; they mean selu.
void selu(Lowering& l) {
    constexpr double selu_alpha = 1.6732632423543772;
    constexpr double selu_gamma = 1.0507009873554805;
    const double alpha = l.number("alpha", selu_alpha);
    const double gamma = l.number("gamma", selu_gamma);
    if (rounds_to(alpha, selu_alpha) && rounds_to(gamma, selu_gamma)) {
        give(l, activate(l.builder, l.input(0), {ActivationKind::selu, 0}));
        return;
    }
    const Operand bent = activate(l.builder, l.input(0), {ActivationKind::elu, alpha});
    give(l, apply(l.builder, bent, Function::affine, gamma, 0));
}

void gelu(Lowering& l) {
    const std::string formula = l.text("approximate", "none");
    if (formula != "none" && formula != "tanh") {
        refuse(l, fmt::format("approximate is '{}'", formula), "it must be none or tanh");
    }
    const auto kind = formula == "tanh" ? ActivationKind::gelu_tanh : ActivationKind::gelu;
    give(l, activate(l.builder, l.input(0), {kind, 0}));
}

/// alpha x + beta between 0 and 1. PyTorch's is the one with 1/6, and flat at its bounds.
void hard_sigmoid(Lowering& l) {
    const double alpha = l.number("alpha", 0.2);
    const double beta = l.number("beta", 0.5);
    if (rounds_to(alpha, 1.0 / 6) && beta == 0.5) {
        give(l, activate(l.builder, l.input(0), {ActivationKind::hardsigmoid, 0}));
        return;
    }
    const Operand line = apply(l.builder, l.input(0), Function::affine, alpha, beta);
    give(l, apply(l.builder, line, Function::clip, 0, 1));
}

void softplus(Lowering& l) {
    give(l, activate(l.builder, l.input(0), {ActivationKind::softplus, 1}));
}

/// x above alpha, else 0: it jumps there.
void thresholded_relu(Lowering& l) {
    give(l, apply(l.builder, l.input(0), Function::threshold, l.number("alpha", 1), 0));
}

void shrink(Lowering& l) {
    give(l, apply(l.builder, l.input(0), Function::shrink, l.number("lambd", 0.5), l.number("bias", 0)));
}

/// A bound of Clip: an attribute before opset 11, an input that may be left out since.
double bound_of(const Lowering& l, std::size_t k, const char* name, double none) {
    if (l.opset < 11) return l.number(name, none);
    if (!l.has(k)) return none;
    return number_of(l, k, name);
}

void clip(Lowering& l) {
    const double low = bound_of(l, 1, "min", -std::numeric_limits<double>::infinity());
    const double high = bound_of(l, 2, "max", std::numeric_limits<double>::infinity());
    if (!(low <= high))
        refuse(l, fmt::format("min is {}, max is {}", low, high), "min must not be above max");
    const bool bounded = std::isfinite(low) || std::isfinite(high);
    give(l, bounded ? apply(l.builder, l.input(0), Function::clip, low, high) : l.input(0));
}

void identity(Lowering& l) {
    give(l, l.input(0));
}

/// In evaluation; its mask keeps all.
void dropout(Lowering& l) {
    if (l.has(2) && number_of(l, 2, "training_mode") != 0) {
        refuse(l, "training_mode is true, so its output is random", "export the model in evaluation mode");
    }
    const Operand& x = l.input(0);
    give(l, x);
    if (names_output(l, 1))
        give(l, constant(x.shape, std::vector<double>(at(count(x.shape)), 1), Type::boolean));
}

constexpr std::array table{
    Entry{"Celu", celu},
    Entry{"Clip", clip},
    Entry{"Dropout", dropout},
    Entry{"Elu", elu},
    Entry{"Gelu", gelu},
    Entry{"HardSigmoid", hard_sigmoid},
    Entry{"HardSwish", activate_one<ActivationKind::hardswish>},
    Entry{"Identity", identity},
    Entry{"LeakyRelu", leaky_relu},
    Entry{"Mish", activate_one<ActivationKind::mish>},
    Entry{"PRelu", prelu},
    Entry{"Relu", activate_one<ActivationKind::relu>},
    Entry{"Selu", selu},
    Entry{"Shrink", shrink},
    Entry{"Sigmoid", activate_one<ActivationKind::sigmoid>},
    Entry{"Softplus", softplus},
    Entry{"Softsign", activate_one<ActivationKind::softsign>},
    Entry{"Tanh", activate_one<ActivationKind::tanh>},
    Entry{"ThresholdedRelu", thresholded_relu},
};

}  // namespace

std::span<const Entry> activation_operators() {
    return table;
}

}  // namespace tangram::onnx_file
