// Products of matrices, and convolutions.

#include "tangram/support/text.hpp"
#include "windows.hpp"

#include <fmt/format.h>

#include <array>
#include <numeric>

namespace tangram::onnx_file {

namespace {

/// alpha op(A) op(B) + beta C, C broadcast.
void gemm(Lowering& l) {
    const Operand& a = l.input(0);
    const Operand& b = l.input(1);
    if (a.shape.size() != 2 || b.shape.size() != 2) {
        refuse(l, fmt::format("it multiplies {} and {}", shape_text(a.shape), shape_text(b.shape)),
               "both must be matrices");
    }
    const Operand product = matmul(l.builder, a, b, l.number("alpha", 1), l.integer("transA", 0) != 0,
                                   l.integer("transB", 0) != 0);
    const double beta = l.number("beta", 1);
    if (!l.has(2) || beta == 0) return give(l, product);
    const Operand& c = l.input(2);
    if (broadcast_shape(c.shape, product.shape) != product.shape) {
        refuse(l,
               fmt::format("C has the shape {}, A B has {}", shape_text(c.shape), shape_text(product.shape)),
               "C must broadcast to A B");
    }
    give(l, add(l.builder, product, c, beta));
}

/// numpy.matmul: a vector is a row on the left, a column on the right, and that axis is not in the result.
void matmul_node(Lowering& l) {
    Operand a = l.input(0);
    Operand b = l.input(1);
    if (a.shape.empty() || b.shape.empty())
        refuse(l, "it multiplies a single number", "both must be vectors or more");
    const bool is_row = a.shape.size() == 1;
    const bool is_column = b.shape.size() == 1;
    if (is_row) a = reshaped(a, {1, a.shape[0]});
    if (is_column) b = reshaped(b, {b.shape[0], 1});
    const Operand product = matmul(l.builder, a, b);
    Shape shape = product.shape;
    if (is_column) shape.pop_back();
    if (is_row) shape.erase(shape.end() - (is_column ? 1 : 2));
    give(l, reshaped(product, std::move(shape)));
}

/// Of x (N, C, ..): sample by sample, where the file's batch is more than one.
Operand convolve_batch(const Lowering& l, const Operand& x, const Operand& w, const Convolve& op) {
    if (x.shape[0] == 1) return convolve(l.builder, x, w, op);
    Shape of_one = x.shape;
    of_one[0] = 1;
    const Index size = count(of_one);
    std::vector<Operand> results;
    for (Index sample = 0; sample < x.shape[0]; ++sample) {
        std::vector<Index> from(at(size));
        std::iota(from.begin(), from.end(), sample * size);
        const Operand one = arrange(l.builder, std::span(&x, 1), std::move(from), of_one);
        results.push_back(convolve(l.builder, one, w, op));
    }
    Shape shape = results.front().shape;
    shape[0] = x.shape[0];
    std::vector<Index> from(at(count(shape)));
    std::iota(from.begin(), from.end(), Index{0});
    return arrange(l.builder, results, std::move(from), std::move(shape));
}

void convolution(Lowering& l) {
    const Operand& x = l.input(0);
    const Operand& w = l.input(1);
    const Sweep sweep = sweep_of(l, x, kernel_of(l, w));
    const Index groups = l.integer("group", 1);
    if (groups < 1 || w.shape[0] % groups != 0 || x.shape[1] % groups != 0 ||
        x.shape[1] / groups != w.shape[1]) {
        refuse(l, fmt::format("{} with a weight {} in {} groups", describe(x), shape_text(w.shape), groups),
               "they must be (batch, C, ..) and (channels out, C / groups, ..)");
    }
    const Convolve op{.in_channels = x.shape[1],
                      .out_channels = w.shape[0],
                      .groups = groups,
                      .in = sweep.in,
                      .kernel = sweep.kernel,
                      .out = sweep.out,
                      .strides = sweep.strides,
                      .dilations = sweep.dilations,
                      .pads = sweep.before};
    give(l, with_bias(l, convolve_batch(l, x, w, op), w.shape[0]));
}

constexpr std::array table{
    Entry{"Conv", convolution},
    Entry{"Gemm", gemm},
    Entry{"MatMul", matmul_node},
};

}  // namespace

std::span<const Entry> linear_operators() {
    return table;
}

}  // namespace tangram::onnx_file
