// Normalizations, within a sample or by constants, and softmax.

#include "lowering.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numeric>

namespace tangram::onnx_file {

namespace {

/// Input k, one number a channel of x (N, C, ..), so that it broadcasts along its spatial axes.
Operand by_channel(const Lowering& l, std::size_t k) {
    const Shape& shape = l.input(0).shape;
    const Operand& numbers = l.input(k);
    if (shape.size() < 2 || numbers.shape != Shape{shape[1]}) {
        refuse(l,
               fmt::format("input {} has the shape {} for {}", k, shape_text(numbers.shape),
                           describe(l.input(0))),
               "it must have one number for each entry of axis 1");
    }
    Shape along(shape.size() - 1, 1);
    along[0] = shape[1];
    return reshaped(numbers, std::move(along));
}

/// A mean or variance may be a parameter (other_readings.hpp), but not made of samples.
void refuse_statistic_of_samples(const Lowering& l, std::size_t k, const char* what) {
    const Operand& x = l.input(k);
    if (x.is_constant() || !l.builder.network.values[at(x.value)].shared) constant_of(l, k, what);
}

/// A BatchNormalization that takes mean and variance from the samples themselves makes each sample's output depend on all.
void refuse_training(const Lowering& l) {
    bool trains = l.integer("training_mode", 0) != 0;
    for (std::size_t k = 1; k < l.node.outputs.size(); ++k)
        trains = trains || (l.opset < 14 && names_output(l, k));
    if (trains) {
        refuse(l, "it is in training mode and couples samples, so that there is no kernel of two of them",
               "export the model in evaluation mode");
    }
    refuse_statistic_of_samples(l, 3, "its mean");
    refuse_statistic_of_samples(l, 4, "its variance");
}

/// 1 / sqrt(variance + epsilon).
Operand inverse_deviation(const Lowering& l, const Operand& variance, double epsilon) {
    if (!variance.is_constant()) {
        const Operand sum = apply(l.builder, variance, Function::affine, 1, epsilon);
        return apply(l.builder, apply(l.builder, sum, Function::sqrt), Function::reciprocal);
    }
    std::vector<double> factors = *variance.constant;
    for (double& factor : factors) {
        if (!(factor + epsilon > 0)) {
            refuse(l, fmt::format("a variance is {}, epsilon {}", factor, epsilon),
                   "their sum must be above 0");
        }
        factor = 1 / std::sqrt(factor + epsilon);
    }
    return constant(variance.shape, std::move(factors), Type::number);
}

/// scale (x - mean) / sqrt(variance + epsilon) + bias.
void batch_normalization(Lowering& l) {
    refuse_training(l);
    const double epsilon = l.number("epsilon", 1e-5);
    const Operand scale = by_channel(l, 1);
    const Operand bias = by_channel(l, 2);
    const Operand mean = by_channel(l, 3);
    const Operand variance = by_channel(l, 4);
    const Operand factor = inverse_deviation(l, variance, epsilon);
    const Operand centered = add(l.builder, l.input(0), mean, -1);
    const Operand scaled = scale.is_constant() && factor.is_constant()
                               ? multiply(l.builder, centered, multiply(l.builder, factor, scale))
                               : multiply(l.builder, multiply(l.builder, centered, factor), scale);
    give(l, add(l.builder, scaled, bias));
}

/// What broadcasts to `shape` without changing it.
Operand fitting(const Lowering& l, std::size_t k, const Shape& shape) {
    const Operand& x = l.input(k);
    if (broadcast_shape(x.shape, shape) != shape) {
        refuse(l,
               fmt::format("input {} has the shape {} for {}", k, shape_text(x.shape), describe(l.input(0))),
               "it must fit the axes that are normalized");
    }
    return x;
}

void layer_normalization(Lowering& l) {
    const Operand& x = l.input(0);
    if (names_output(l, 1) || names_output(l, 2)) {
        refuse(l, "its mean or deviation is asked for", "only its first output can be given");
    }
    const Index axis = axis_of(l, l.integer("axis", -1), static_cast<Index>(x.shape.size()));
    const Index length = count({x.shape.begin() + axis, x.shape.end()});
    const Operand standard = standardize(l.builder, x, length, l.number("epsilon", 1e-5));
    const Operand scaled = multiply(l.builder, standard, fitting(l, 1, x.shape));
    give(l, l.has(2) ? add(l.builder, scaled, fitting(l, 2, x.shape)) : scaled);
}

void instance_normalization(Lowering& l) {
    const Operand& x = l.input(0);
    if (x.shape.size() < 3) refuse(l, describe(x), "it must be (batch, channels, ..)");
    const Operand scale = by_channel(l, 1);
    const Operand bias = by_channel(l, 2);
    const Index length = count({x.shape.begin() + 2, x.shape.end()});
    const Operand standard = standardize(l.builder, x, length, l.number("epsilon", 1e-5));
    give(l, add(l.builder, multiply(l.builder, standard, scale), bias));
}

/// Before opset 13 all axes from the given one on are one run.
Operand softmax_of_rest(const Lowering& l, Index axis, bool logarithm) {
    const Operand& x = l.input(0);
    const Index rows = count({x.shape.begin(), x.shape.begin() + axis});
    const Index length = count({x.shape.begin() + axis, x.shape.end()});
    return reshaped(softmax(l.builder, reshaped(x, {rows, length}), logarithm), x.shape);
}

template <bool logarithm>
void softmax_one(Lowering& l) {
    const Operand& x = l.input(0);
    const auto axes = static_cast<Index>(x.shape.size());
    const Index axis = axis_of(l, l.integer("axis", l.opset < 13 ? 1 : -1), axes);
    if (l.opset < 13) return give(l, softmax_of_rest(l, axis, logarithm));
    std::vector<Index> swapped(at(axes));  // its own inverse
    std::iota(swapped.begin(), swapped.end(), Index{0});
    std::swap(swapped[at(axis)], swapped.back());
    const Operand runs = transposed(l.builder, x, swapped);
    give(l, transposed(l.builder, softmax(l.builder, runs, logarithm), swapped));
}

constexpr std::array table{
    Entry{"BatchNormalization", batch_normalization},
    Entry{"InstanceNormalization", instance_normalization},
    Entry{"LayerNormalization", layer_normalization},
    Entry{"LogSoftmax", softmax_one<true>},
    Entry{"Softmax", softmax_one<false>},
};

}  // namespace

std::span<const Entry> normalization_operators() {
    return table;
}

}  // namespace tangram::onnx_file
