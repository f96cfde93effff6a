#pragma once
// How a network is put together of a file's operators: operands with their shapes, and the few operators of ours that all of
// them are made of (network/operator.hpp). What is made of constants alone is computed here and now, so that the arithmetic on
// shapes that exporters write becomes constants. Private to input/onnx/.

#include "onnx_model.hpp"
#include "shape.hpp"
#include "tangram/network/network.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tangram::onnx_file {

/// A value of the file for one sample, as the file means it: its batch axis is 1.
struct Operand {
    Shape shape;
    Type type = Type::number;
    std::shared_ptr<const std::vector<double>> constant;  ///< its numbers, or
    Index value = -1;                                     ///< the network's
    bool is_masked = false;  ///< -infinity may be among them, put there as a mask
    [[nodiscard]] bool is_constant() const { return constant != nullptr; }
};

inline Index axes_in(const Operand& x) {
    return static_cast<Index>(x.shape.size());
}

/// The network while it is put together.
struct Builder {
    Network& network;
    std::string name;                   ///< of the node that is being read, for what it becomes
    std::map<Index, Index> parameters;  ///< value -> tensor, where the value is a parameter tensor itself
};

/// A node of the network. Throws ShapeError where it would have no entries.
Operand made(Builder& builder, Operator op, std::vector<Index> inputs, Shape shape, Type type = Type::number);
Operand constant(Shape shape, std::vector<double> values, Type type);
/// f of two constants, entry by entry, broadcast.
Operand of_constants(const Operand& x, const Operand& y, Type type,
                     const std::function<double(double, double)>& f);

/// The operand's value in the network, which a constant becomes now. Throws ShapeError where it is of integers.
Index value_of(Builder& builder, const Operand& operand);
/// The same of one that meets another of type `other`: integers and truth values may meet among themselves.
Index value_beside(Builder& builder, Operand operand, Type other);
/// -infinity may be among its numbers.
bool has_mask(const Operand& x);

/// The same numbers in another shape.
Operand reshaped(const Operand& x, Shape shape);
/// y_j = joined entries of the inputs at from[j], `fill` where that is -1.
Operand arrange(Builder& builder, std::span<const Operand> inputs, std::vector<Index> from, Shape shape,
                double fill = 0);
/// By numpy's rules of broadcasting.
Operand broadcast(Builder& builder, const Operand& x, const Shape& shape);
Operand transposed(Builder& builder, const Operand& x, std::span<const Index> axes);
Operand combine(Builder& builder, const Operand& x, Windows windows, Shape shape);
Operand largest(Builder& builder, const Operand& x, Windows windows, Shape shape, bool shares_ties);
Operand apply(Builder& builder, const Operand& x, Function f, double a = 0, double b = 0);
Operand activate(Builder& builder, const Operand& x, const Activation& phi);
/// x + y_scale y, x o y, x^y: broadcast.
Operand add(Builder& builder, const Operand& x, const Operand& y, double y_scale = 1);
Operand multiply(Builder& builder, const Operand& x, const Operand& y);
Operand power(Builder& builder, const Operand& x, const Operand& y);
/// 1 where the relation holds, 0 elsewhere: truth values, broadcast.
Operand compare(Builder& builder, const Operand& x, const Operand& y, Compare::Relation relation);
/// 1 - x of truth values.
Operand negated(Builder& builder, const Operand& x);
/// x where the condition is not 0, y elsewhere: broadcast.
Operand choose(Builder& builder, const Operand& condition, const Operand& x, const Operand& y);
/// Rows of a table (rows, width) by ids of any shape: theirs, then width.
Operand lookup(Builder& builder, const Operand& table, const Operand& ids);
/// Over runs of the last axis.
Operand softmax(Builder& builder, const Operand& x, bool logarithm);
/// Over runs of `length` entries.
Operand standardize(Builder& builder, const Operand& x, Index length, double epsilon);
/// c times numpy.matmul(op(x), op(y)) for two or more axes each, batches broadcast; op swaps the last two axes if asked to.
Operand matmul(Builder& builder, const Operand& x, const Operand& y, double c = 1, bool x_transposed = false,
               bool y_transposed = false);
/// x (1, C_in, ..), w (C_out, ..) -> (1, C_out, ..).
Operand convolve(Builder& builder, const Operand& x, const Operand& w, const Convolve& op);

}  // namespace tangram::onnx_file
