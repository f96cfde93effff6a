// Types, and what is known of shapes alone: constants, which the arithmetic that exporters write on shapes is made of.

#include "lowering.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tangram::onnx_file {

namespace {

/// x as another type. What has integers or truth values is constant but for jumps.
Operand converted(const Lowering& l, Type type) {
    Operand x = l.input(0);
    if (type == Type::boolean && x.type != type) {
        const Operand zero = constant({}, {0}, x.type);
        return negated(l.builder, compare(l.builder, x, zero, Compare::Relation::equal));
    }
    if (type == Type::integer && x.type == Type::number) x = apply(l.builder, x, Function::trunc);
    x.type = type;
    return x;
}

void cast(Lowering& l) {
    // The numbers of TensorProto.DataType.
    const Index to = l.integer("to", 0);
    if (to == 1 || to == 10 || to == 11 || to == 16) {
        give(l, converted(l, Type::number));
    } else if ((to >= 2 && to <= 7) || to == 12 || to == 13) {
        give(l, converted(l, Type::integer));
    } else if (to == 9) {
        give(l, converted(l, Type::boolean));
    } else {
        refuse(l, fmt::format("it converts to the type {}", to),
               "only floats of 16 bits and more, integers and booleans are known");
    }
}

void cast_like(Lowering& l) {
    give(l, converted(l, l.input(1).type));
}

Operand list_of(const std::vector<Index>& numbers) {
    return constant({static_cast<Index>(numbers.size())}, {numbers.begin(), numbers.end()}, Type::integer);
}

Operand tensor_of(const Lowering& l, const Tensor& tensor) {
    if (count(tensor.shape) != static_cast<Index>(tensor.values.size())) {
        refuse(l,
               fmt::format("its value has the shape {} and {} entries", shape_text(tensor.shape),
                           tensor.values.size()),
               "export the model again");
    }
    return constant(tensor.shape, tensor.values, tensor.type);
}

Operand constant_from(const Lowering& l, const Attribute& value) {
    if (const auto* tensor = std::get_if<Tensor>(&value)) return tensor_of(l, *tensor);
    if (const auto* number = std::get_if<double>(&value)) return constant({}, {*number}, Type::number);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        return constant({}, {static_cast<double>(*integer)}, Type::integer);
    }
    if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) return list_of(*integers);
    if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
        return constant({static_cast<Index>(numbers->size())}, *numbers, Type::number);
    }
    refuse(l, "its value is a text", "only numbers can be computed with");
}

void constant_node(Lowering& l) {
    for (const char* name : {"value", "value_float", "value_floats", "value_int", "value_ints"}) {
        const auto found = l.node.attributes.find(name);
        if (found != l.node.attributes.end()) return give(l, constant_from(l, found->second));
    }
    refuse(l, "it has no value of numbers", "export the model again");
}

void constant_of_shape(Lowering& l) {
    Shape shape = l.integers(0, "its shape");
    Operand fill = constant({}, {0}, Type::number);
    const auto found = l.node.attributes.find("value");
    if (found != l.node.attributes.end()) fill = constant_from(l, found->second);
    if (fill.constant->size() != 1) refuse(l, "its value is not one number", "export the model again");
    std::vector<double> values(at(count(shape)), fill.constant->front());
    give(l, constant(std::move(shape), std::move(values), fill.type));
}

void range(Lowering& l) {
    constexpr double most_steps = 268435456;  // 2^28
    const double start = number_of(l, 0, "start");
    const double limit = number_of(l, 1, "limit");
    const double delta = number_of(l, 2, "delta");
    const double steps = std::ceil((limit - start) / delta);
    if (!std::isfinite(steps) || steps > most_steps) {
        refuse(l, fmt::format("it goes from {} to {} in steps of {}", start, limit, delta),
               "it must end, after 2^28 steps at most");
    }
    std::vector<double> values(steps > 0 ? static_cast<std::size_t>(steps) : 0);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = start + static_cast<double>(k) * delta;
    const auto length = static_cast<Index>(values.size());
    give(l, constant({length}, std::move(values), l.input(0).type));
}

/// The end of a part of `axes` axes; numbers beyond them mean the first or last.
Index bound_of(Index bound, Index axes) {
    return std::clamp(bound < 0 ? bound + axes : bound, Index{0}, axes);
}

void shape(Lowering& l) {
    const Shape& whole = l.input(0).shape;
    const auto axes = static_cast<Index>(whole.size());
    const Index start = bound_of(l.integer("start", 0), axes);
    const Index end = std::max(start, bound_of(l.integer("end", axes), axes));
    give(l, list_of({whole.begin() + start, whole.begin() + end}));
}

void size(Lowering& l) {
    give(l, constant({}, {static_cast<double>(count(l.input(0).shape))}, Type::integer));
}

constexpr std::array table{
    Entry{"Cast", cast},
    Entry{"CastLike", cast_like},
    Entry{"Constant", constant_node},
    Entry{"ConstantOfShape", constant_of_shape},
    Entry{"Range", range},
    Entry{"Shape", shape},
    Entry{"Size", size},
};

}  // namespace

std::span<const Entry> constant_operators() {
    return table;
}

}  // namespace tangram::onnx_file
