// Sums, means and extremes along axes. Of equal largest entries each has its share of the derivative.

#include "windows.hpp"

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

constexpr std::array table{
    Entry{"ReduceMax", reduce_to_extreme<1>},
    Entry{"ReduceMean", reduce_mean},
    Entry{"ReduceMin", reduce_to_extreme<-1>},
    Entry{"ReduceSum", reduce_sum},
};

}  // namespace

std::span<const Entry> reduction_operators() {
    return table;
}

}  // namespace tangram::onnx_file
