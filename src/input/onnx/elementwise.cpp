// Arithmetic, entry by entry, with numpy's broadcasting. What goes in steps has no derivative.

#include "lowering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tangram::onnx_file {

namespace {

template <Function f>
void apply_one(Lowering& l) {
    give(l, apply(l.builder, l.input(0), f));
}

template <ActivationKind kind>
void activate_one(Lowering& l) {
    give(l, activate(l.builder, l.input(0), {kind, 0}));
}

void add_two(Lowering& l) {
    give(l, add(l.builder, l.input(0), l.input(1)));
}

void subtract(Lowering& l) {
    give(l, add(l.builder, l.input(0), l.input(1), -1));
}

void multiply_two(Lowering& l) {
    give(l, multiply(l.builder, l.input(0), l.input(1)));
}

void negate(Lowering& l) {
    give(l, apply(l.builder, l.input(0), Function::affine, -1, 0));
}

/// f of the two inputs, which must be constants.
template <class F>
Operand of_constants(const Lowering& l, Type type, F f) {
    constant_of(l, 0, "its first input");
    constant_of(l, 1, "its second input");
    return of_constants(l.input(0), l.input(1), type, f);
}

/// x / y without what is behind the point, down or towards 0. Of integers, up to 2^52: their quotients are 1/y apart, so that half of
/// that more takes what was rounded just below a whole number past it, and nothing else.
Operand whole_quotient(Builder& builder, const Operand& x, const Operand& y, Function f) {
    const Operand r = apply(builder, y, Function::reciprocal);
    const Operand ratio = multiply(builder, x, r);
    if (x.type == Type::number) return apply(builder, ratio, f);
    const Operand half = apply(builder, apply(builder, r, Function::abs), Function::affine, 0.5, 0);
    if (f == Function::floor) return apply(builder, add(builder, ratio, half), f);
    const Operand size =
        apply(builder, add(builder, apply(builder, ratio, Function::abs), half), Function::floor);
    return multiply(builder, apply(builder, ratio, Function::sign), size);
}

void refuse_division_by_0(const Lowering& l) {
    const Operand& y = l.input(1);
    if (l.input(0).type == Type::number || !y.is_constant()) return;
    if (std::find(y.constant->begin(), y.constant->end(), 0) != y.constant->end())
        refuse(l, "an integer is divided by 0", "check the shapes in the file");
}

void divide(Lowering& l) {
    const Operand& x = l.input(0);
    const Operand& y = l.input(1);
    const bool integers = x.type != Type::number;
    refuse_division_by_0(l);
    if (x.is_constant() && y.is_constant()) {
        give(l, of_constants(l, x.type,
                             [=](double a, double b) { return integers ? std::trunc(a / b) : a / b; }));
        return;
    }
    if (integers) return give(l, whole_quotient(l.builder, x, y, Function::trunc));
    give(l, multiply(l.builder, x, apply(l.builder, y, Function::reciprocal)));
}

void modulo(Lowering& l) {
    const bool of_dividend = l.integer("fmod", 0) != 0;  // whose sign the remainder has
    const Operand& x = l.input(0);
    const Operand& y = l.input(1);
    refuse_division_by_0(l);
    if (!x.is_constant() || !y.is_constant()) {
        const Operand times =
            whole_quotient(l.builder, x, y, of_dividend ? Function::trunc : Function::floor);
        return give(l, add(l.builder, x, multiply(l.builder, times, y), -1));
    }
    give(l, of_constants(l, x.type, [=](double a, double b) {
             const double rest = std::fmod(a, b);
             return !of_dividend && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
         }));
}

Operand raised(Builder& builder, const Operand& x, double exponent) {
    if (exponent == 1) return x;
    if (exponent == 0.5) return apply(builder, x, Function::sqrt);
    if (exponent == -1) return apply(builder, x, Function::reciprocal);
    if (exponent == 0) return constant(x.shape, std::vector<double>(at(count(x.shape)), 1), x.type);
    return apply(builder, x, Function::power, exponent, 0);
}

/// Exponents that differ: entries that have the same one are taken out, raised together, and put back.
Operand power_by_entry(Builder& builder, const Operand& x, const Operand& exponents) {
    const Shape shape = broadcast_shape(x.shape, exponents.shape);
    if (count(shape) == 0) throw ShapeError("its exponent has no entries", "check the shapes in the file");
    const std::vector<Index> from_x = broadcast_table(x.shape, shape);
    const std::vector<Index> from_exponents = broadcast_table(exponents.shape, shape);
    std::map<double, std::vector<std::size_t>> entries;
    for (std::size_t j = 0; j < from_x.size(); ++j) {
        entries[(*exponents.constant)[at(from_exponents[j])]].push_back(j);
    }
    std::vector<Operand> powers;
    std::vector<Index> back(from_x.size());
    Index before = 0;
    for (const auto& [exponent, places] : entries) {
        std::vector<Index> from(places.size());
        for (std::size_t k = 0; k < places.size(); ++k) {
            from[k] = from_x[places[k]];
            back[places[k]] = before + static_cast<Index>(k);
        }
        before += static_cast<Index>(places.size());
        const Operand taken =
            arrange(builder, std::span(&x, 1), std::move(from), {static_cast<Index>(places.size())});
        powers.push_back(raised(builder, taken, exponent));
    }
    return arrange(builder, powers, std::move(back), shape);
}

void raise(Lowering& l) {
    const Operand& x = l.input(0);
    const Operand& y = l.input(1);
    if (!y.is_constant()) {
        Operand base = x;  // of the operators of two values Pow alone takes an integer and a number
        base.type = Type::number;
        return give(l, power(l.builder, base, y));
    }
    const std::vector<double>& exponents = *y.constant;
    if (std::any_of(exponents.begin(), exponents.end(), [](double e) { return !std::isfinite(e); })) {
        refuse(l, "its exponent is not finite", "give a finite one");
    }
    if (x.is_constant()) {
        const bool integers = x.type != Type::number;
        give(l, of_constants(l, x.type, [=](double a, double b) {
                 return integers ? std::trunc(std::pow(a, b)) : std::pow(a, b);
             }));
    } else if (exponents.size() == 1) {
        give(l, broadcast(l.builder, raised(l.builder, x, exponents[0]), broadcast_shape(x.shape, y.shape)));
    } else {
        give(l, power_by_entry(l.builder, x, y));
    }
}

Operand sum_of_all(const Lowering& l) {
    Operand sum = l.input(0);
    for (std::size_t k = 1; k < l.inputs.size(); ++k) sum = add(l.builder, sum, l.input(k));
    return sum;
}

void sum(Lowering& l) {
    give(l, sum_of_all(l));
}

void mean(Lowering& l) {
    const double share = 1 / static_cast<double>(std::max(l.inputs.size(), std::size_t{1}));
    give(l, apply(l.builder, sum_of_all(l), Function::affine, share, 0));
}

/// The largest of all inputs, entry by entry: they are stacked, and each window has one entry of each.
template <int sign>
void extreme(Lowering& l) {
    Shape shape = l.input(0).shape;
    for (std::size_t k = 1; k < l.inputs.size(); ++k) shape = broadcast_shape(shape, l.input(k).shape);
    const auto inputs = static_cast<Index>(l.inputs.size());
    const Index size = count(shape);
    Shape stacked_shape{inputs};
    stacked_shape.insert(stacked_shape.end(), shape.begin(), shape.end());
    std::vector<Operand> operands;
    std::vector<Index> from;
    from.reserve(at(count(stacked_shape)));
    Index before = 0;
    for (std::size_t k = 0; k < l.inputs.size(); ++k) {
        operands.push_back(l.input(k));
        for (const Index j : broadcast_table(l.input(k).shape, shape)) from.push_back(before + j);
        before += count(l.input(k).shape);
    }
    Windows windows;
    for (Index j = 0; j < size; ++j) {
        for (Index k = 0; k < inputs; ++k) windows.from.push_back(k * size + j);
        windows.begin.push_back((j + 1) * inputs);
    }
    windows.weight.assign(windows.from.size(), 1);
    const Operand stacked = arrange(l.builder, operands, std::move(from), std::move(stacked_shape));
    const Operand turned = apply(l.builder, stacked, Function::affine, sign, 0);
    const Operand most = largest(l.builder, turned, std::move(windows), shape, true);
    give(l, apply(l.builder, most, Function::affine, sign, 0));
}

constexpr std::array table{
    Entry{"Abs", apply_one<Function::abs>},
    Entry{"Acos", apply_one<Function::acos>},
    Entry{"Acosh", apply_one<Function::acosh>},
    Entry{"Add", add_two},
    Entry{"Asin", apply_one<Function::asin>},
    Entry{"Asinh", apply_one<Function::asinh>},
    Entry{"Atan", apply_one<Function::atan>},
    Entry{"Atanh", apply_one<Function::atanh>},
    Entry{"Ceil", apply_one<Function::ceil>},
    Entry{"Cos", activate_one<ActivationKind::cos>},
    Entry{"Cosh", apply_one<Function::cosh>},
    Entry{"Div", divide},
    Entry{"Erf", activate_one<ActivationKind::erf>},
    Entry{"Exp", apply_one<Function::exp>},
    Entry{"Floor", apply_one<Function::floor>},
    Entry{"Log", apply_one<Function::log>},
    Entry{"Max", extreme<1>},
    Entry{"Mean", mean},
    Entry{"Min", extreme<-1>},
    Entry{"Mod", modulo},
    Entry{"Mul", multiply_two},
    Entry{"Neg", negate},
    Entry{"Pow", raise},
    Entry{"Reciprocal", apply_one<Function::reciprocal>},
    Entry{"Round", apply_one<Function::round>},
    Entry{"Sign", apply_one<Function::sign>},
    Entry{"Sin", activate_one<ActivationKind::sin>},
    Entry{"Sinh", apply_one<Function::sinh>},
    Entry{"Sqrt", apply_one<Function::sqrt>},
    Entry{"Sub", subtract},
    Entry{"Sum", sum},
    Entry{"Tan", apply_one<Function::tan>},
};

}  // namespace

std::span<const Entry> elementwise_operators() {
    return table;
}

}  // namespace tangram::onnx_file
