// Einsum: axes that share a letter are one; those that the result does not name are summed over. Two operands at a time become a
// product of matrices, (batch, rows, inner) and (batch, inner, cols), or, where nothing is inner, a product entry by entry.

#include "tangram/support/text.hpp"
#include "windows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace tangram::onnx_file {

namespace {

/// A value with the letter of each of its axes; those of an ellipsis are digits from '0' on, counted from the last.
struct Lettered {
    Operand x;
    std::string axes;
};

struct Equation {
    std::vector<std::string> inputs;
    std::string output;
};

bool has(const std::string& letters, char letter) {
    return letters.find(letter) != std::string::npos;
}

[[noreturn]] void refuse_equation(const Lowering& l, const std::string& equation) {
    refuse(l, fmt::format("its equation is '{}' for {} inputs", printable(equation), l.inputs.size()),
           "it must fit the inputs' axes");
}

/// `ellipsis`: the axes it stands for.
std::string letters_of(const Lowering& l, const std::string& term, std::size_t ellipsis) {
    std::string letters;
    for (std::size_t k = 0; k < term.size(); ++k) {
        if (term[k] == '.') {
            if (term.compare(k, 3, "...") != 0 || ellipsis > 10) refuse_equation(l, term);
            for (std::size_t axis = ellipsis; axis-- > 0;) letters += static_cast<char>('0' + axis);
            k += 2;
        } else if ((term[k] >= 'a' && term[k] <= 'z') || (term[k] >= 'A' && term[k] <= 'Z')) {
            letters += term[k];
        } else {
            refuse_equation(l, term);
        }
    }
    return letters;
}

/// What is not said: all letters that are there once, in the alphabet's order, after the ellipsis'.
std::string implied_output(const std::vector<std::string>& inputs) {
    std::map<char, int> times;
    for (const std::string& letters : inputs) {
        for (const char letter : letters) ++times[letter];
    }
    std::string digits, letters;
    for (const auto& [letter, number] : times) {
        if (letter <= '9')
            digits.insert(digits.begin(), letter);
        else if (number == 1)
            letters += letter;
    }
    return digits + letters;
}

Equation equation_of(const Lowering& l) {
    std::string text = l.text("equation", "");
    text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
    const std::size_t arrow = text.find("->");
    std::string left = text.substr(0, arrow);
    Equation equation;
    std::size_t most = 0;
    for (std::size_t k = 0; k < l.inputs.size(); ++k) {
        const std::size_t comma = left.find(',');
        if ((comma == std::string::npos) != (k + 1 == l.inputs.size())) refuse_equation(l, text);
        const std::string term = left.substr(0, comma);
        left.erase(0, comma == std::string::npos ? left.size() : comma + 1);
        const std::size_t axes = l.input(k).shape.size();
        const bool is_open = has(term, '.');
        const std::size_t letters =
            is_open ? term.size() - std::min<std::size_t>(term.size(), 3) : term.size();
        if (letters > axes || (!is_open && letters != axes)) refuse_equation(l, text);
        most = std::max(most, axes - letters);
        equation.inputs.push_back(letters_of(l, term, axes - letters));
        if (equation.inputs.back().size() != axes) refuse_equation(l, text);  // a second ellipsis
    }
    equation.output = arrow == std::string::npos ? implied_output(equation.inputs)
                                                 : letters_of(l, text.substr(arrow + 2), most);
    return equation;
}

/// In the order of `axes`, all of which it has, each once; a letter that it has twice is a diagonal.
Lettered in_order(const Lowering& l, const Lettered& value, const std::string& axes) {
    const Shape own = strides_of(value.x.shape);
    Shape shape(axes.size(), 1), strides(axes.size(), 0);
    for (std::size_t k = 0; k < axes.size(); ++k) {
        for (std::size_t axis = 0; axis < value.axes.size(); ++axis) {
            if (value.axes[axis] != axes[k]) continue;
            shape[k] = value.x.shape[axis];
            strides[k] += own[axis];
        }
    }
    return {arrange(l.builder, std::span(&value.x, 1), strided(shape, strides), shape), axes};
}

/// The letters of `letters` that `keep` says yes to, each once.
template <class Keep>
std::string filtered(const std::string& letters, Keep keep) {
    std::string kept;
    for (const char letter : letters) {
        if (!has(kept, letter) && keep(letter)) kept += letter;
    }
    return kept;
}

Lettered summed(const Lowering& l, const Lettered& value, const std::string& keep) {
    const std::string gone = filtered(value.axes, [&](char letter) { return !has(keep, letter); });
    const std::string stay = filtered(value.axes, [&](char letter) { return has(keep, letter); });
    Lettered ordered = in_order(l, value, stay + gone);
    if (gone.empty()) return ordered;
    std::vector<Index> axes;
    for (std::size_t k = stay.size(); k < ordered.axes.size(); ++k) axes.push_back(static_cast<Index>(k));
    const Shape shape(ordered.x.shape.begin(), ordered.x.shape.begin() + static_cast<Index>(stay.size()));
    return {combine(l.builder, ordered.x, windows_over(ordered.x.shape, axes, 1), shape), stay};
}

/// Lengths of the letters; an axis of 1 stands for any length.
using Lengths = std::map<char, Index>;

Shape shape_of(const std::string& letters, const Lengths& lengths) {
    Shape shape;
    for (const char letter : letters) shape.push_back(lengths.at(letter));
    return shape;
}

/// Without the axes of 1 that stand for longer ones.
Lettered without_short_axes(const Lettered& value, const Lengths& lengths) {
    Lettered lean{value.x, ""};
    Shape shape;
    for (std::size_t k = 0; k < value.axes.size(); ++k) {
        if (value.x.shape[k] == 1 && lengths.at(value.axes[k]) != 1) continue;
        shape.push_back(value.x.shape[k]);
        lean.axes += value.axes[k];
    }
    lean.x = reshaped(value.x, shape);
    return lean;
}

/// Entry by entry: the axes that one lacks are 1 there.
Lettered outer_product(const Lowering& l, const Lettered& a, const Lettered& b) {
    const std::string axes = a.axes + filtered(b.axes, [&](char letter) { return !has(a.axes, letter); });
    const auto spread = [&](const Lettered& value) {
        const Lettered ordered =
            in_order(l, value, filtered(axes, [&](char letter) { return has(value.axes, letter); }));
        Shape shape;
        for (const char letter : axes) {
            const std::size_t place = ordered.axes.find(letter);
            shape.push_back(place == std::string::npos ? 1 : ordered.x.shape[place]);
        }
        return reshaped(ordered.x, shape);
    };
    return {multiply(l.builder, spread(a), spread(b)), axes};
}

/// Sums over what both have and nobody keeps.
Lettered contracted(const Lowering& l, Lettered a, Lettered b, const std::string& keep,
                    const Lengths& lengths) {
    a = without_short_axes(a, lengths);
    b = without_short_axes(b, lengths);
    a = summed(l, a, keep + b.axes);
    b = summed(l, b, keep + a.axes);
    const auto in_both = [&](char letter) { return has(a.axes, letter) && has(b.axes, letter); };
    const std::string inner =
        filtered(a.axes, [&](char letter) { return in_both(letter) && !has(keep, letter); });
    const std::string batch =
        filtered(a.axes, [&](char letter) { return in_both(letter) && has(keep, letter); });
    if (inner.empty()) return outer_product(l, a, b);
    const std::string rows = filtered(a.axes, [&](char letter) { return !has(b.axes, letter); });
    const std::string cols = filtered(b.axes, [&](char letter) { return !has(a.axes, letter); });
    const auto size = [&](const std::string& letters) { return count(shape_of(letters, lengths)); };
    const Operand A =
        reshaped(in_order(l, a, batch + rows + inner).x, {size(batch), size(rows), size(inner)});
    const Operand B =
        reshaped(in_order(l, b, batch + inner + cols).x, {size(batch), size(inner), size(cols)});
    const std::string axes = batch + rows + cols;
    return {reshaped(matmul(l.builder, A, B), shape_of(axes, lengths)), axes};
}

Lengths lengths_of(const Lowering& l, const Equation& equation) {
    Lengths lengths;
    for (std::size_t k = 0; k < l.inputs.size(); ++k) {
        const Shape& shape = l.input(k).shape;
        for (std::size_t axis = 0; axis < shape.size(); ++axis) {
            const char letter = equation.inputs[k][axis];
            const std::size_t before = equation.inputs[k].find(letter);  // of a diagonal
            Index& length = lengths.emplace(letter, 1).first->second;
            if (shape[before] != shape[axis] || (length != 1 && shape[axis] != 1 && shape[axis] != length)) {
                refuse(l,
                       fmt::format("an axis is {} and {} long",
                                   shape[before] != shape[axis] ? shape[before] : length, shape[axis]),
                       "check the shapes in the file");
            }
            length = std::max(length, shape[axis]);
        }
    }
    return lengths;
}

void einsum(Lowering& l) {
    if (l.inputs.empty()) refuse(l, "it has no inputs", "export the model again");
    const Equation equation = equation_of(l);
    const Lengths lengths = lengths_of(l, equation);
    for (const char letter : equation.output) {
        if (!lengths.contains(letter) ||
            std::count(equation.output.begin(), equation.output.end(), letter) > 1)
            refuse_equation(l, l.text("equation", ""));
    }
    std::string axes = equation.inputs[0];
    Lettered product = in_order(l, {l.input(0), axes}, filtered(axes, [](char) { return true; }));
    for (std::size_t k = 1; k < l.inputs.size(); ++k) {
        std::string keep = equation.output;
        for (std::size_t later = k + 1; later < l.inputs.size(); ++later) keep += equation.inputs[later];
        axes = equation.inputs[k];
        const Lettered next = in_order(l, {l.input(k), axes}, filtered(axes, [](char) { return true; }));
        product = contracted(l, product, next, keep, lengths);
    }
    product = summed(l, product, equation.output);
    const std::string known =
        filtered(equation.output, [&](char letter) { return has(product.axes, letter); });
    const Operand ordered = in_order(l, product, known).x;
    give(l, ordered.shape == shape_of(equation.output, lengths)
                ? ordered
                : reshaped(ordered, shape_of(equation.output, lengths)));
}

constexpr std::array table{Entry{"Einsum", einsum}};

}  // namespace

std::span<const Entry> einsum_operators() {
    return table;
}

}  // namespace tangram::onnx_file
