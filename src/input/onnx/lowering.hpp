#pragma once
// The operators of ONNX as operators of ours: one function each, by families in files of their own, and one table
// (lowering.cpp). Private to input/onnx/.

#include "builder.hpp"

namespace tangram::onnx_file {

/// One node on its way: its inputs as operands (an optional one that is left out is empty), its attributes.
struct Lowering {
    Builder& builder;
    const Node& node;
    std::int64_t opset = 0;
    std::string path;  ///< of the file
    std::vector<std::optional<Operand>> inputs;
    std::vector<Operand> outputs;  ///< what it gives, in the node's order

    [[nodiscard]] const Operand& input(std::size_t k) const;  ///< refuses where it is missing
    [[nodiscard]] bool has(std::size_t k) const { return k < inputs.size() && inputs[k].has_value(); }
    /// Integers of a constant input: axes, shapes, pads. Refuses where it depends on the samples.
    [[nodiscard]] std::vector<Index> integers(std::size_t k, const char* what) const;
    [[nodiscard]] std::vector<double> numbers(std::size_t k, const char* what) const;
    // attributes, with ONNX's defaults
    [[nodiscard]] Index integer(const char* name, Index fallback) const;
    [[nodiscard]] double number(const char* name, double fallback) const;
    [[nodiscard]] std::string text(const char* name, const char* fallback) const;
    [[nodiscard]] std::optional<std::vector<Index>> list(const char* name) const;
    [[nodiscard]] bool has_attribute(const char* name) const;
};

/// Throws Error(bad_input): "<path>: node 'name' (Conv): <what>: <advice>".
[[noreturn]] void refuse(const Lowering& lowering, const std::string& what, const std::string& advice);

/// -axes..axes-1 to 0..axes-1; refuses others.
Index axis_of(const Lowering& lowering, Index axis, Index axes);

/// The numbers of an input that has to be known when the file is read ("its shape"); refuses, by name, a parameter, and what
/// depends on the samples.
const std::vector<double>& constant_of(const Lowering& lowering, std::size_t k, const char* what);
/// Of one that has to be one number.
double number_of(const Lowering& lowering, std::size_t k, const char* what);
/// `numbers` as indices; refuses fractions and what is beyond 2^53.
std::vector<Index> indices_of(const Lowering& lowering, std::span<const double> numbers, const char* what);
/// Axes of a value that has `axes`, an attribute in early opsets and input k in later ones, none twice and ascending; nothing
/// where neither is given.
std::optional<std::vector<Index>> axes_of(const Lowering& lowering, std::size_t k, Index axes);
/// Whether output k has a name: somebody may use it.
bool names_output(const Lowering& lowering, std::size_t k);
/// Appends an output.
void give(Lowering& lowering, Operand output);
/// "an input of shape (1, 3, 8)".
std::string describe(const Operand& x);

using Lower = void (*)(Lowering&);
struct Entry {
    const char* op_type;
    Lower lower;
};
// The families, each a table in a file of its own.
std::span<const Entry> elementwise_operators();
std::span<const Entry> activation_operators();
std::span<const Entry> constant_operators();
std::span<const Entry> shape_operators();
std::span<const Entry> arranging_operators();
std::span<const Entry> pooling_operators();
std::span<const Entry> reduction_operators();
std::span<const Entry> normalization_operators();
std::span<const Entry> linear_operators();
std::span<const Entry> transposed_convolution_operators();
std::span<const Entry> channel_normalization_operators();
std::span<const Entry> resizing_operators();
std::span<const Entry> rearranging_operators();
/// Those that cannot be had, each with its own reason.
std::span<const Entry> refused_operators();
std::span<const Entry> choosing_operators();
std::span<const Entry> gathering_operators();
std::span<const Entry> position_operators();
std::span<const Entry> einsum_operators();

/// All of them.
std::span<const std::span<const Entry>> operator_families();
/// Of an operator by name; nullptr: not known.
Lower lowering_of(const std::string& op_type);
/// Lowers the node by its operator, which must be known; what the builder finds wrong is told of the node.
void lower(Lowering& lowering);

}  // namespace tangram::onnx_file
