#include "builder.hpp"

#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace tangram::onnx_file {

namespace {

bool counts_up(const std::vector<Index>& from) {
    for (std::size_t j = 0; j < from.size(); ++j) {
        if (from[j] != static_cast<Index>(j)) return false;
    }
    return true;
}

/// What each window of a constant gives, computed now.
template <class F>
Operand folded_windows(const Operand& x, const Windows& windows, Shape shape, F of_window) {
    std::vector<double> values(at(windows.outputs()));
    for (std::size_t j = 0; j < values.size(); ++j)
        values[j] = of_window(windows.begin[j], windows.begin[j + 1]);
    return constant(std::move(shape), std::move(values), x.type);
}

}  // namespace

Operand made(Builder& builder, Operator op, std::vector<Index> inputs, Shape shape, Type type) {
    const Index size = count(shape);
    if (size == 0) {
        throw ShapeError(fmt::format("its result has the shape {} and no entries", shape_text(shape)),
                         "check the shapes in the file");
    }
    return {std::move(shape), type, nullptr,
            add_node(builder.network, std::move(op), builder.name, std::move(inputs), {}, size)};
}

Operand constant(Shape shape, std::vector<double> values, Type type) {
    assert(count(shape) == static_cast<Index>(values.size()));
    return {std::move(shape), type, std::make_shared<const std::vector<double>>(std::move(values)), -1};
}

Operand of_constants(const Operand& x, const Operand& y, Type type,
                     const std::function<double(double, double)>& f) {
    Shape shape = broadcast_shape(x.shape, y.shape);
    const std::vector<Index> from_x = broadcast_table(x.shape, shape);
    const std::vector<Index> from_y = broadcast_table(y.shape, shape);
    std::vector<double> values(from_x.size());
    for (std::size_t j = 0; j < values.size(); ++j)
        values[j] = f((*x.constant)[at(from_x[j])], (*y.constant)[at(from_y[j])]);
    return constant(std::move(shape), std::move(values), type);
}

Index value_of(Builder& builder, const Operand& operand) {
    if (!operand.is_constant()) return operand.value;
    if (operand.type != Type::number) {
        throw ShapeError(fmt::format("integers or truth values of shape {} meet floating numbers",
                                     shape_text(operand.shape)),
                         "export the model with floating weights, or with a Cast before them");
    }
    return made(builder, Constant{operand.constant}, {}, operand.shape).value;
}

Index value_beside(Builder& builder, Operand operand, Type other) {
    if (operand.is_constant() && other != Type::number) operand.type = Type::number;
    return value_of(builder, operand);
}

bool has_mask(const Operand& x) {
    if (!x.is_constant()) return x.is_masked;
    constexpr double mask = -std::numeric_limits<double>::infinity();
    return std::find(x.constant->begin(), x.constant->end(), mask) != x.constant->end();
}

Operand reshaped(const Operand& x, Shape shape) {
    if (count(shape) != count(x.shape)) {
        throw ShapeError(fmt::format("the shape {} cannot become {}", shape_text(x.shape), shape_text(shape)),
                         "export the model with a batch of 1, or a dynamic batch axis");
    }
    return {std::move(shape), x.type, x.constant, x.value, x.is_masked};
}

Operand arrange(Builder& builder, std::span<const Operand> inputs, std::vector<Index> from, Shape shape,
                double fill) {
    assert(!inputs.empty() && count(shape) == static_cast<Index>(from.size()));
    if (inputs.size() == 1 && count(inputs[0].shape) == count(shape) && counts_up(from)) {
        return reshaped(inputs[0], std::move(shape));
    }
    if (from.empty()) return constant(std::move(shape), {}, inputs[0].type);
    if (!std::all_of(inputs.begin(), inputs.end(), [](const Operand& x) { return x.is_constant(); })) {
        const Type type =
            std::ranges::find_if(inputs, [](const Operand& x) { return !x.is_constant(); })->type;
        std::vector<Index> values;
        for (const Operand& x : inputs) {
            if (count(x.shape) > 0) values.push_back(value_beside(builder, x, type));
        }
        auto table = std::make_shared<const Arrangement>(Arrangement{std::move(from), fill});
        Operand arranged =
            made(builder, Arrange{std::move(table)}, std::move(values), std::move(shape), type);
        arranged.is_masked = std::isinf(fill) || std::any_of(inputs.begin(), inputs.end(), has_mask);
        return arranged;
    }
    std::vector<double> joined;
    for (const Operand& x : inputs) joined.insert(joined.end(), x.constant->begin(), x.constant->end());
    std::vector<double> values(from.size());
    std::transform(from.begin(), from.end(), values.begin(),
                   [&](Index j) { return j < 0 ? fill : joined[at(j)]; });
    return constant(std::move(shape), std::move(values), inputs[0].type);
}

Operand broadcast(Builder& builder, const Operand& x, const Shape& shape) {
    if (x.shape == shape) return x;
    return arrange(builder, std::span(&x, 1), broadcast_table(x.shape, shape), shape);
}

Operand transposed(Builder& builder, const Operand& x, std::span<const Index> axes) {
    const Shape own = strides_of(x.shape);
    Shape shape(axes.size());
    Shape strides(axes.size());
    for (std::size_t k = 0; k < axes.size(); ++k) {
        shape[k] = x.shape[at(axes[k])];
        strides[k] = own[at(axes[k])];
    }
    std::vector<Index> from = strided(shape, strides);
    return arrange(builder, std::span(&x, 1), std::move(from), std::move(shape));
}

Operand combine(Builder& builder, const Operand& x, Windows windows, Shape shape) {
    if (x.is_constant()) {
        return folded_windows(x, windows, std::move(shape), [&](Index begin, Index end) {
            double sum = 0;
            for (Index k = begin; k < end; ++k)
                sum += windows.weight[at(k)] * (*x.constant)[at(windows.from[at(k)])];
            return sum;
        });
    }
    auto table = std::make_shared<const Windows>(std::move(windows));
    return made(builder, Combine{std::move(table)}, {x.value}, std::move(shape), x.type);
}

Operand largest(Builder& builder, const Operand& x, Windows windows, Shape shape, bool shares_ties) {
    if (x.is_constant()) {
        return folded_windows(x, windows, std::move(shape), [&](Index begin, Index end) {
            double most = (*x.constant)[at(windows.from[at(begin)])];
            for (Index k = begin; k < end; ++k) most = std::max(most, (*x.constant)[at(windows.from[at(k)])]);
            return most;
        });
    }
    auto table = std::make_shared<const Windows>(std::move(windows));
    return made(builder, Largest{std::move(table), shares_ties}, {x.value}, std::move(shape), x.type);
}

Operand softmax(Builder& builder, const Operand& x, bool logarithm) {
    const Index length = x.shape.empty() ? 1 : x.shape.back();
    return made(builder, Softmax{logarithm, 1, length}, {value_of(builder, x)}, x.shape);
}

Operand standardize(Builder& builder, const Operand& x, Index length, double epsilon) {
    return made(builder, Standardize{length, epsilon}, {value_of(builder, x)}, x.shape);
}

Operand matmul(Builder& builder, const Operand& x, const Operand& y, double c, bool x_transposed,
               bool y_transposed) {
    assert(x.shape.size() >= 2 && y.shape.size() >= 2);
    const std::size_t last_x = x.shape.size() - 1;
    const std::size_t last_y = y.shape.size() - 1;
    MatMul op{.rows = x.shape[last_x - (x_transposed ? 0 : 1)],
              .inner = x.shape[last_x - (x_transposed ? 1 : 0)],
              .cols = y.shape[last_y - (y_transposed ? 1 : 0)],
              .a_transposed = x_transposed,
              .b_transposed = y_transposed,
              .scale = c,
              .a_of = {},
              .b_of = {}};
    if (op.inner != y.shape[last_y - (y_transposed ? 0 : 1)] || op.inner == 0) {
        throw ShapeError(fmt::format("matrices {}{} and {}{} cannot be multiplied", shape_text(x.shape),
                                     x_transposed ? " transposed" : "", shape_text(y.shape),
                                     y_transposed ? " transposed" : ""),
                         "check the shapes in the file");
    }
    const Shape batches_x(x.shape.begin(), x.shape.end() - 2);
    const Shape batches_y(y.shape.begin(), y.shape.end() - 2);
    Shape shape = broadcast_shape(batches_x, batches_y);
    op.a_of = broadcast_table(batches_x, shape);
    op.b_of = broadcast_table(batches_y, shape);
    shape.insert(shape.end(), {op.rows, op.cols});
    const Index a = value_of(builder, x);
    const Index b = value_of(builder, y);
    return made(builder, std::move(op), {a, b}, std::move(shape));
}

Operand convolve(Builder& builder, const Operand& x, const Operand& w, const Convolve& op) {
    Shape shape{1, op.out_channels};
    shape.insert(shape.end(), op.out.begin(), op.out.end());
    const Index from_x = value_of(builder, x);
    const Index from_w = value_of(builder, w);
    return made(builder, op, {from_x, from_w}, std::move(shape));
}

}  // namespace tangram::onnx_file
