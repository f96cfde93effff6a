// Sums, means, products, norms and extremes along axes. Of equal largest entries each has its share of the derivative.

#include "windows.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

/// Which axes go, and the shape that is left; no axes: the value stays as it is.
struct Reduction {
    std::vector<Index> axes;
    Shape shape;
    Index size = 1;  ///< entries that are taken together
};

Reduction reduction_of(const Lowering& l) {
    const Shape& whole = l.input(0).shape;
    Reduction reduction;
    reduction.axes = axes_of(l, 1, static_cast<Index>(whole.size())).value_or(std::vector<Index>{});
    if (reduction.axes.empty() && l.integer("noop_with_empty_axes", 0) == 0) {
        reduction.axes.resize(whole.size());
        std::iota(reduction.axes.begin(), reduction.axes.end(), Index{0});
    }
    reduction.shape = whole;
    for (std::size_t k = reduction.axes.size(); k-- > 0;) {
        const Index axis = reduction.axes[k];
        reduction.size *= whole[at(axis)];
        reduction.shape[at(axis)] = 1;
        if (l.integer("keepdims", 1) == 0) reduction.shape.erase(reduction.shape.begin() + axis);
    }
    return reduction;
}

Operand sum_of(const Lowering& l, const Reduction& reduction, double weight) {
    const Operand& x = l.input(0);
    if (reduction.axes.empty()) return x;
    return combine(l.builder, x, windows_over(x.shape, reduction.axes, weight), reduction.shape);
}

void reduce_sum(Lowering& l) {
    give(l, sum_of(l, reduction_of(l), 1));
}

void reduce_mean(Lowering& l) {
    const Reduction reduction = reduction_of(l);
    give(l, sum_of(l, reduction, 1 / static_cast<double>(reduction.size)));
}

template <int sign>
void reduce_to_extreme(Lowering& l) {
    const Reduction reduction = reduction_of(l);
    if (reduction.axes.empty()) return give(l, l.input(0));
    const Operand x = apply(l.builder, l.input(0), Function::affine, sign, 0);
    const Operand most =
        largest(l.builder, x, windows_over(x.shape, reduction.axes, 1), reduction.shape, true);
    give(l, apply(l.builder, most, Function::affine, sign, 0));
}

/// after(sum of before(x)); what is not reduced stays as it is.
template <Function before, Function after>
void reduce_between(Lowering& l) {
    const Reduction reduction = reduction_of(l);
    if (reduction.axes.empty()) return give(l, l.input(0));
    const double exponent = before == Function::power ? 2 : 1;
    const Operand terms = apply(l.builder, l.input(0), before, exponent, 0);
    const Operand sum =
        combine(l.builder, terms, windows_over(terms.shape, reduction.axes, 1), reduction.shape);
    give(l, apply(l.builder, sum, after, 1, 0));
}

/// Entries `first` .. `first + length` of each row of x (rows, cols).
Operand columns(const Lowering& l, const Operand& x, Index first, Index length) {
    const Index rows = x.shape[0];
    std::vector<Index> from = strided({rows, length}, std::array{x.shape[1], Index{1}}, first);
    return arrange(l.builder, std::span(&x, 1), std::move(from), {rows, length});
}

/// x and one column more.
Operand beside(const Lowering& l, const Operand& x, const Operand& column) {
    const Index rows = x.shape[0], cols = x.shape[1];
    std::vector<Index> from;
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < cols; ++j) from.push_back(i * cols + j);
        from.push_back(rows * cols + i);
    }
    return arrange(l.builder, std::array{x, column}, std::move(from), {rows, cols + 1});
}

/// x (rows, cols): what is reduced is a row.
Operand as_rows(const Lowering& l, const Reduction& reduction) {
    const Operand& x = l.input(0);
    std::vector<Index> order;
    const auto goes = [&](Index k) {
        return std::binary_search(reduction.axes.begin(), reduction.axes.end(), k);
    };
    for (const bool last : {false, true}) {
        for (Index k = 0; k < static_cast<Index>(x.shape.size()); ++k) {
            if (goes(k) == last) order.push_back(k);
        }
    }
    return reshaped(transposed(l.builder, x, order), {count(reduction.shape), reduction.size});
}

/// The left half of each row times its right half, one of an odd number left over, until one column is left:
/// a 0 among them leaves the others' derivatives as they are.
void reduce_to_product(Lowering& l) {
    const Reduction reduction = reduction_of(l);
    if (reduction.axes.empty()) return give(l, l.input(0));
    if (reduction.size == 0)
        throw ShapeError("there is nothing to take together", "check the shapes in the file");
    Operand product = as_rows(l, reduction);
    for (Index length = reduction.size; length > 1;) {
        const Index half = length / 2, left = length - 2 * half;
        const Operand halves =
            multiply(l.builder, columns(l, product, 0, half), columns(l, product, half, half));
        product = left == 0 ? halves : beside(l, halves, columns(l, product, length - 1, 1));
        length = half + left;
    }
    give(l, reshaped(product, reduction.shape));
}

/// m + log(sum of exp(x - m)), m the largest: its own derivative cancels.
void reduce_log_sum_exp(Lowering& l) {
    const Reduction reduction = reduction_of(l);
    if (reduction.axes.empty()) return give(l, l.input(0));
    const Operand& x = l.input(0);
    Shape kept = x.shape;
    for (const Index axis : reduction.axes) kept[at(axis)] = 1;
    const Operand most = largest(l.builder, x, windows_over(x.shape, reduction.axes, 1), kept, true);
    const Operand terms = apply(l.builder, add(l.builder, x, most, -1), Function::exp);
    const Operand sum = combine(l.builder, terms, windows_over(x.shape, reduction.axes, 1), kept);
    const Operand logarithm = apply(l.builder, sum, Function::log);
    give(l, reshaped(add(l.builder, logarithm, most), reduction.shape));
}

constexpr std::array table{
    Entry{"ReduceL1", reduce_between<Function::abs, Function::affine>},
    Entry{"ReduceL2", reduce_between<Function::power, Function::root>},
    Entry{"ReduceLogSum", reduce_between<Function::affine, Function::log>},
    Entry{"ReduceLogSumExp", reduce_log_sum_exp},
    Entry{"ReduceMax", reduce_to_extreme<1>},
    Entry{"ReduceMean", reduce_mean},
    Entry{"ReduceMin", reduce_to_extreme<-1>},
    Entry{"ReduceProd", reduce_to_product},
    Entry{"ReduceSum", reduce_sum},
    Entry{"ReduceSumSquare", reduce_between<Function::power, Function::affine>},
};

}  // namespace

std::span<const Entry> reduction_operators() {
    return table;
}

}  // namespace tangram::onnx_file
