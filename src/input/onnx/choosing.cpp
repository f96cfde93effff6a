// Yes or no: comparisons, logic, and what is chosen by it. Of constants it is computed when the file is read; what depends on the
// sample is compared there, and has no derivative.

#include "lowering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tangram::onnx_file {

namespace {

using Relation = Compare::Relation;

/// x and y in the relation, or y and x.
template <Relation relation, bool swapped>
void compare_two(Lowering& l) {
    give(l, compare(l.builder, l.input(swapped ? 1 : 0), l.input(swapped ? 0 : 1), relation));
}

void logical_not(Lowering& l) {
    const Operand& x = l.input(0);
    give(l, compare(l.builder, x, constant({}, {0}, x.type), Relation::equal));
}

void logical_and(Lowering& l) {
    Operand both = multiply(l.builder, l.input(0), l.input(1));
    both.type = Type::boolean;
    give(l, both);
}

/// not (not x and not y)
void logical_or(Lowering& l) {
    give(l, negated(l.builder,
                    multiply(l.builder, negated(l.builder, l.input(0)), negated(l.builder, l.input(1)))));
}

void logical_xor(Lowering& l) {
    give(l, negated(l.builder, compare(l.builder, l.input(0), l.input(1), Relation::equal)));
}

void where(Lowering& l) {
    give(l, choose(l.builder, l.input(0), l.input(1), l.input(2)));
}

template <class F>
void of_constant(Lowering& l, F f) {
    std::vector<double> values = constant_of(l, 0, "its input");
    std::transform(values.begin(), values.end(), values.begin(), [&](double x) { return f(x) ? 1.0 : 0.0; });
    give(l, constant(l.input(0).shape, std::move(values), Type::boolean));
}

void is_nan(Lowering& l) {
    const Operand& x = l.input(0);
    if (x.is_constant()) return of_constant(l, [](double number) { return std::isnan(number); });
    give(l, negated(l.builder, compare(l.builder, x, x, Relation::equal)));
}

void is_infinite(Lowering& l) {
    const bool above = l.integer("detect_positive", 1) != 0;
    const bool below = l.integer("detect_negative", 1) != 0;
    of_constant(l, [=](double x) { return std::isinf(x) && (x > 0 ? above : below); });
}

constexpr std::array table{
    Entry{"And", logical_and},
    Entry{"Equal", compare_two<Relation::equal, false>},
    Entry{"Greater", compare_two<Relation::less, true>},
    Entry{"GreaterOrEqual", compare_two<Relation::less_or_equal, true>},
    Entry{"IsInf", is_infinite},
    Entry{"IsNaN", is_nan},
    Entry{"Less", compare_two<Relation::less, false>},
    Entry{"LessOrEqual", compare_two<Relation::less_or_equal, false>},
    Entry{"Not", logical_not},
    Entry{"Or", logical_or},
    Entry{"Where", where},
    Entry{"Xor", logical_xor},
};

}  // namespace

std::span<const Entry> choosing_operators() {
    return table;
}

}  // namespace tangram::onnx_file
