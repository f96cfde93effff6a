#include "lowering.hpp"

#include "node_order.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tangram::onnx_file {

namespace {

constexpr double exact_integers = 9007199254740992;  // 2^53

/// The attribute as a T; nullptr where it is left out. Refuses one of another kind.
template <class T>
const T* attribute_of(const Lowering& lowering, const char* name) {
    const auto found = lowering.node.attributes.find(name);
    if (found == lowering.node.attributes.end()) return nullptr;
    const T* value = std::get_if<T>(&found->second);
    if (value == nullptr) {
        refuse(lowering, fmt::format("the attribute {} is of another kind than ONNX says", name),
               "export the model again");
    }
    return value;
}

/// Why a value is not known when the file is read.
std::string origin_of(const Builder& builder, const Operand& x) {
    const auto found = builder.parameters.find(x.value);
    if (found != builder.parameters.end()) {
        return fmt::format("is the parameter '{}'",
                           printable(builder.network.tensors[at(found->second)].name));
    }
    return builder.network.values[at(x.value)].shared ? "is made of parameters" : "depends on the samples";
}

}  // namespace

void refuse(const Lowering& lowering, const std::string& what, const std::string& advice) {
    fail(ExitCode::bad_input, "{}: {}: {}: {}", lowering.path, place_of(lowering.node), what, advice);
}

Index axis_of(const Lowering& lowering, Index axis, Index axes) {
    if (axis < -axes || axis >= axes) {
        refuse(lowering, fmt::format("axis {} of a value with {} axes", axis, axes),
               "check the axes in the file");
    }
    return axis < 0 ? axis + axes : axis;
}

const Operand& Lowering::input(std::size_t k) const {
    if (!has(k)) refuse(*this, fmt::format("input {} is missing", k), "export the model again");
    return *inputs[k];
}

const std::vector<double>& constant_of(const Lowering& lowering, std::size_t k, const char* what) {
    const Operand& x = lowering.input(k);
    if (!x.is_constant()) {
        refuse(lowering, fmt::format("{} {}", what, origin_of(lowering.builder, x)),
               "only a constant can be used here, so freeze it, or export the model without it");
    }
    return *x.constant;
}

double number_of(const Lowering& lowering, std::size_t k, const char* what) {
    const std::vector<double>& values = constant_of(lowering, k, what);
    if (values.size() != 1) {
        refuse(lowering, fmt::format("{} is {}", what, describe(lowering.input(k))), "it must be one number");
    }
    return values.front();
}

std::vector<Index> indices_of(const Lowering& lowering, std::span<const double> numbers, const char* what) {
    std::vector<Index> indices;
    indices.reserve(numbers.size());
    for (const double number : numbers) {
        if (!(std::abs(number) <= exact_integers) || std::trunc(number) != number) {
            refuse(lowering, fmt::format("{} has the entry {}", what, number), "it must be integers");
        }
        indices.push_back(static_cast<Index>(number));
    }
    return indices;
}

std::vector<Index> Lowering::integers(std::size_t k, const char* what) const {
    return indices_of(*this, constant_of(*this, k, what), what);
}

std::vector<double> Lowering::numbers(std::size_t k, const char* what) const {
    return constant_of(*this, k, what);
}

Index Lowering::integer(const char* name, Index fallback) const {
    const auto* value = attribute_of<std::int64_t>(*this, name);
    return value == nullptr ? fallback : *value;
}

double Lowering::number(const char* name, double fallback) const {
    const auto* value = attribute_of<double>(*this, name);
    return value == nullptr ? fallback : *value;
}

std::string Lowering::text(const char* name, const char* fallback) const {
    const auto* value = attribute_of<std::string>(*this, name);
    return value == nullptr ? fallback : *value;
}

std::optional<std::vector<Index>> Lowering::list(const char* name) const {
    const auto* value = attribute_of<std::vector<std::int64_t>>(*this, name);
    if (value == nullptr) return std::nullopt;
    return *value;
}

bool Lowering::has_attribute(const char* name) const {
    return node.attributes.count(name) != 0;
}

std::optional<std::vector<Index>> axes_of(const Lowering& lowering, std::size_t k, Index axes) {
    std::optional<std::vector<Index>> given = lowering.list("axes");
    if (!given && lowering.has(k)) given = lowering.integers(k, "the list of axes");
    if (!given) return std::nullopt;
    for (Index& axis : *given) axis = axis_of(lowering, axis, axes);
    std::sort(given->begin(), given->end());
    if (std::adjacent_find(given->begin(), given->end()) != given->end()) {
        refuse(lowering, "an axis is given twice", "check the axes in the file");
    }
    return given;
}

bool names_output(const Lowering& lowering, std::size_t k) {
    return k < lowering.node.outputs.size() && !lowering.node.outputs[k].empty();
}

void give(Lowering& lowering, Operand output) {
    lowering.outputs.push_back(std::move(output));
}

std::string describe(const Operand& x) {
    return "an input of shape " + shape_text(x.shape);
}

std::span<const std::span<const Entry>> operator_families() {
    static const std::array families{elementwise_operators(),
                                     activation_operators(),
                                     constant_operators(),
                                     shape_operators(),
                                     arranging_operators(),
                                     rearranging_operators(),
                                     pooling_operators(),
                                     resizing_operators(),
                                     reduction_operators(),
                                     normalization_operators(),
                                     channel_normalization_operators(),
                                     linear_operators(),
                                     transposed_convolution_operators(),
                                     choosing_operators(),
                                     gathering_operators(),
                                     position_operators(),
                                     einsum_operators(),
                                     refused_operators()};
    return families;
}

Lower lowering_of(const std::string& op_type) {
    for (const std::span<const Entry> family : operator_families()) {
        const auto found = std::find_if(family.begin(), family.end(),
                                        [&](const Entry& entry) { return entry.op_type == op_type; });
        if (found != family.end()) return found->lower;
    }
    return nullptr;
}

void lower(Lowering& lowering) {
    const Lower by_operator = lowering_of(lowering.node.op_type);
    if (by_operator == nullptr)
        refuse(lowering, "this operator is not known",
               "the kernel of a value before it can be had by --value NAME");
    try {
        by_operator(lowering);
    } catch (const ShapeError& error) {
        refuse(lowering, error.problem(), error.advice());
    }
}

}  // namespace tangram::onnx_file
