// The reference's MatMul and Convolve: derivatives with respect to both factors against central differences, and what they
// compute against second formulas: matrices written out, and a convolution that goes from each entry of x to the outputs that
// it is in.

#include "nodes_of_parameters.hpp"

#include <array>

using namespace tangram;
using namespace tangram::test;

namespace {

/// Matrix `which` of `all`, rows by cols, or its transpose if it is stored so.
Matrix<double> written_out(const Vector& all, Index which, Index rows, Index cols, bool transposed) {
    Matrix<double> A(rows, cols);
    const double* stored = all.data() + which * rows * cols;
    for (Index e = 0; e < rows * cols; ++e)
        (transposed ? A(e % rows, e / rows) : A(e / cols, e % cols)) = stored[e];
    return A;
}

Vector product(const MatMul& op, const Vector& a, const Vector& b) {
    Vector y;
    for (std::size_t batch = 0; batch < op.a_of.size(); ++batch) {
        const Matrix<double> A = written_out(a, op.a_of[batch], op.rows, op.inner, op.a_transposed);
        const Matrix<double> B = written_out(b, op.b_of[batch], op.inner, op.cols, op.b_transposed);
        for (Index e = 0; e < op.rows * op.cols; ++e) {
            double sum = 0;
            for (Index k = 0; k < op.inner; ++k) sum += A(e / op.cols, k) * B(k, e % op.cols);
            y.push_back(op.scale * sum);
        }
    }
    return y;
}

/// Any number up to 3 of axes as the last of three.
std::array<Index, 3> as_three(const std::vector<Index>& axes, Index missing) {
    std::array<Index, 3> three{missing, missing, missing};
    std::copy(axes.rbegin(), axes.rend(), three.rbegin());
    return three;
}

Index volume(const std::vector<Index>& extents) {
    Index all = 1;
    for (const Index extent : extents) all *= extent;
    return all;
}

/// Which output entry x at q adds to through k: (q + pads - dilations k) / strides, or -1.
Index reached(const Convolve& op, const std::array<Index, 3>& q, const std::array<Index, 3>& k) {
    const auto out = as_three(op.out, 1), strides = as_three(op.strides, 1),
               dilations = as_three(op.dilations, 1), pads = as_three(op.pads, 0);
    Index p = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const Index from = q[axis] + pads[axis] - dilations[axis] * k[axis];
        if (from < 0 || from % strides[axis] != 0 || from / strides[axis] >= out[axis]) return -1;
        p = p * out[axis] + from / strides[axis];
    }
    return p;
}

std::array<Index, 3> position(Index entry, const std::array<Index, 3>& extents) {
    return {entry / extents[2] / extents[1], entry / extents[2] % extents[1], entry % extents[2]};
}

Vector convolution(const Convolve& op, const Vector& x, const Vector& w) {
    const Index in = volume(op.in), offsets = volume(op.kernel), out = volume(op.out);
    const Index each = op.in_channels / op.groups, outputs_each = op.out_channels / op.groups;
    Vector y(at(op.out_channels * out));
    for (Index entry = 0; entry < op.in_channels * in; ++entry) {
        const Index channel = entry / in;
        for (Index offset = 0; offset < offsets; ++offset) {
            const Index p = reached(op, position(entry % in, as_three(op.in, 1)),
                                    position(offset, as_three(op.kernel, 1)));
            for (Index o = 0; p >= 0 && o < op.out_channels; ++o) {
                if (o / outputs_each != channel / each) continue;
                y[at(o * out + p)] += w[at((o * each + channel % each) * offsets + offset)] * x[at(entry)];
            }
        }
    }
    return y;
}

/// With the extents that the output has if pads after the last are as those before the first.
Convolve convolve(Index in_channels, Index out_channels, Index groups, std::vector<Index> in,
                  std::vector<Index> kernel, std::vector<Index> strides, std::vector<Index> dilations,
                  std::vector<Index> pads) {
    Convolve op{in_channels, out_channels, groups, in, kernel, {}, strides, dilations, pads};
    for (std::size_t axis = 0; axis < in.size(); ++axis) {
        const Index reach = dilations[axis] * (kernel[axis] - 1) + 1;
        op.out.push_back((in[axis] + 2 * pads[axis] - reach) / strides[axis] + 1);
    }
    return op;
}

}  // namespace

TEST_CASE("products of matrices, in batches that share their factors, each stored either way round") {
    for (const bool a_transposed : {false, true}) {
        for (const bool b_transposed : {false, true}) {
            CAPTURE(a_transposed);
            CAPTURE(b_transposed);
            const MatMul op{3, 4, 2, a_transposed, b_transposed, 0.6, {0, 1, 1, 0}, {2, 0, 1, 2}};
            const Vector a = numbers(24, 3), b = numbers(24, 4);  // two matrices, three matrices
            const Network network = node_of_parameters(op, {a, b}, 24);
            check_outputs(network, product(op, a, b));
            check_derivatives(network);
        }
    }
}

TEST_CASE("the product of a matrix and its own transpose has the derivatives of both factors") {
    const MatMul gram{3, 2, 3, false, true, 1.5, {0}, {0}};
    const Vector a = numbers(6, 5);
    Network network = empty_network();
    const Index A = add_parameter(network, a);
    network.output = add_node(network, gram, "node", {A, A}, {}, 9);
    check_outputs(network, product(gram, a, a));
    check_derivatives(network);
}

TEST_CASE("convolutions along one, two and three axes: strides, dilations, pads and groups") {
    for (const Convolve& op : {
             convolve(1, 1, 1, {5}, {3}, {1}, {1}, {0}),
             convolve(2, 3, 1, {7}, {3}, {2}, {2}, {2}),
             convolve(2, 2, 1, {4, 5}, {3, 2}, {1, 2}, {1, 1}, {1, 0}),
             convolve(4, 6, 2, {4, 3}, {2, 2}, {2, 1}, {1, 2}, {0, 1}),
             convolve(3, 3, 3, {4, 4}, {3, 3}, {1, 1}, {1, 1}, {1, 1}),
             convolve(2, 2, 1, {3, 4, 3}, {2, 3, 1}, {1, 2, 2}, {2, 1, 1}, {1, 1, 0}),
             convolve(2, 3, 1, {}, {}, {}, {}, {}),
         }) {
        CAPTURE(op.in.size());
        CAPTURE(op.groups);
        const Vector x = numbers(op.in_channels * volume(op.in), 6);
        const Vector w = numbers(op.out_channels * (op.in_channels / op.groups) * volume(op.kernel), 7);
        const Network network = node_of_parameters(op, {x, w}, op.out_channels * volume(op.out));
        check_outputs(network, convolution(op, x, w));
        check_derivatives(network);
    }
}
