// What is done entry by entry: functions, sums, products, comparisons and choices, broadcast.

#include "builder.hpp"
#include "function_value.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>

namespace tangram::onnx_file {

namespace {

/// The one floating number of a constant, or nothing.
std::optional<double> number_of(const Operand& x) {
    if (!x.is_constant() || x.type != Type::number || x.constant->size() != 1) return std::nullopt;
    return x.constant->front();
}

/// f of x, but of the mask in it, which stays: an infinity is a fault of the network elsewhere.
template <class F>
Operand beside_mask(Builder& builder, const Operand& x, F f) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const Operand mask = compare(builder, x, constant({}, {-infinity}, x.type), Compare::Relation::equal);
    Operand rest = choose(builder, mask, constant({}, {0}, x.type), x);
    rest.is_masked = false;
    return choose(builder, mask, x, f(rest));
}

}  // namespace

Operand apply(Builder& builder, const Operand& x, Function f, double a, double b) {
    if (f == Function::affine && a == 1 && b == 0) return x;
    if (has_mask(x) && !x.is_constant() && f == Function::affine && a > 0)
        return beside_mask(builder, x, [&](const Operand& rest) { return apply(builder, rest, f, a, b); });
    if (!x.is_constant()) return made(builder, Apply{f, a, b}, {x.value}, x.shape, x.type);
    std::vector<double> values = *x.constant;
    for (double& value : values) value = value_of({f, a, b}, value);
    return constant(x.shape, std::move(values), x.type);
}

Operand activate(Builder& builder, const Operand& x, const Activation& phi) {
    if (!x.is_constant()) return made(builder, Activate{phi, 1}, {x.value}, x.shape);
    std::vector<double> values(x.constant->size());
    std::vector<double> slopes(values.size());
    activate(phi, 1, *x.constant, values, slopes);
    return constant(x.shape, std::move(values), x.type);
}

Operand add(Builder& builder, const Operand& x, const Operand& y, double y_scale) {
    if (x.is_constant() && y.is_constant()) {
        return of_constants(x, y, x.type, [=](double a, double b) { return a + y_scale * b; });
    }
    if (has_mask(x))
        return beside_mask(builder, x, [&](const Operand& rest) { return add(builder, rest, y, y_scale); });
    if (has_mask(y) && y_scale > 0)
        return beside_mask(builder, y, [&](const Operand& rest) { return add(builder, x, rest, y_scale); });
    const Shape shape = broadcast_shape(x.shape, y.shape);
    if (const auto c = number_of(y))
        return broadcast(builder, apply(builder, x, Function::affine, 1, y_scale * *c), shape);
    if (const auto c = number_of(x))
        return broadcast(builder, apply(builder, y, Function::affine, y_scale, *c), shape);
    const Index from_x = value_beside(builder, broadcast(builder, x, shape), y.type);
    const Index from_y = value_beside(builder, broadcast(builder, y, shape), x.type);
    return made(builder, Add{y_scale}, {from_x, from_y}, shape, x.type);
}

Operand multiply(Builder& builder, const Operand& x, const Operand& y) {
    if (x.is_constant() && y.is_constant())
        return of_constants(x, y, x.type, [](double a, double b) { return a * b; });
    const Shape shape = broadcast_shape(x.shape, y.shape);
    if (const auto c = number_of(y))
        return broadcast(builder, apply(builder, x, Function::affine, *c, 0), shape);
    if (const auto c = number_of(x))
        return broadcast(builder, apply(builder, y, Function::affine, *c, 0), shape);
    const Index from_x = value_beside(builder, broadcast(builder, x, shape), y.type);
    const Index from_y = value_beside(builder, broadcast(builder, y, shape), x.type);
    return made(builder, Mul{}, {from_x, from_y}, shape, x.type);
}

Operand compare(Builder& builder, const Operand& x, const Operand& y, Compare::Relation relation) {
    if (x.is_constant() && y.is_constant()) {
        return of_constants(x, y, Type::boolean, [=](double a, double b) {
            const bool holds = relation == Compare::Relation::equal  ? a == b
                               : relation == Compare::Relation::less ? a < b
                                                                     : a <= b;
            return holds ? 1.0 : 0.0;
        });
    }
    const Shape shape = broadcast_shape(x.shape, y.shape);
    const Index from_x = value_beside(builder, broadcast(builder, x, shape), y.type);
    const Index from_y = value_beside(builder, broadcast(builder, y, shape), x.type);
    return made(builder, Compare{relation}, {from_x, from_y}, shape, Type::boolean);
}

Operand negated(Builder& builder, const Operand& x) {
    Operand y = apply(builder, x, Function::affine, -1, 1);
    y.type = Type::boolean;
    return y;
}

Operand choose(Builder& builder, const Operand& condition, const Operand& x, const Operand& y) {
    const Shape shape = broadcast_shape(condition.shape, broadcast_shape(x.shape, y.shape));
    if (!condition.is_constant()) {
        const Index from_condition = value_of(builder, broadcast(builder, condition, shape));
        const Index from_x = value_beside(builder, broadcast(builder, x, shape), y.type);
        const Index from_y = value_beside(builder, broadcast(builder, y, shape), x.type);
        Operand chosen = made(builder, Choose{}, {from_condition, from_x, from_y}, shape, x.type);
        chosen.is_masked = has_mask(x) || has_mask(y);
        return chosen;
    }
    const std::vector<Index> from_condition = broadcast_table(condition.shape, shape);
    const std::vector<Index> from_x = broadcast_table(x.shape, shape);
    const std::vector<Index> from_y = broadcast_table(y.shape, shape);
    const Index before = count(x.shape);
    std::vector<Index> from(from_x.size());
    for (std::size_t j = 0; j < from.size(); ++j)
        from[j] = (*condition.constant)[at(from_condition[j])] != 0 ? from_x[j] : before + from_y[j];
    return arrange(builder, std::array{x, y}, std::move(from), shape);
}

Operand lookup(Builder& builder, const Operand& table, const Operand& ids) {
    assert(table.shape.size() == 2);
    Shape shape = ids.shape;
    shape.push_back(table.shape[1]);
    const Index from_ids = value_of(builder, ids);
    const Index from_table = value_beside(builder, table, Type::integer);
    return made(builder, Lookup{table.shape[0], table.shape[1]}, {from_ids, from_table}, std::move(shape),
                table.type);
}

Operand power(Builder& builder, const Operand& x, const Operand& y) {
    if (x.is_constant() && y.is_constant())
        return of_constants(x, y, x.type, [](double a, double b) { return std::pow(a, b); });
    const Shape shape = broadcast_shape(x.shape, y.shape);
    const Index from_x = value_of(builder, broadcast(builder, x, shape));
    const Index from_y = value_of(builder, broadcast(builder, y, shape));
    return made(builder, Power{}, {from_x, from_y}, shape);
}

}  // namespace tangram::onnx_file
