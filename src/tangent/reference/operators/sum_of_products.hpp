#pragma once
// What MatMul and Convolve both are: each output a sum of products of an entry of the one input and an entry of the other,
//
//   y_o = c sum over terms (o, a, b) of u_a v_b
//
//   pull_back   D_u_a += c D_y_o v_b,   D_v_b += c D_y_o u_a      over the same terms
//
// `for_each_term` is a function that calls visit(o, a, b) for every term of every output.

#include "../operators.hpp"

#include <cmath>

namespace tangram::reference {

template <class Terms>
void sum_products(const Terms& for_each_term, double c, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index o = 0; o < y.cols; ++o) y(point, o) = 0;
    }
    for_each_term([&](Index o, Index a, Index b) {
        for (Index point = 0; point < y.rows; ++point)
            y(point, o) += in.inputs[0](point, a) * in.inputs[1](point, b);
    });
    for (Index point = 0; point < y.rows; ++point) {
        for (Index o = 0; o < y.cols; ++o) y(point, o) *= c;
    }
}

template <class Terms>
Vector magnitudes_of_products(const Terms& for_each_term, double c, const Operands& in, Index outputs) {
    Vector sizes(at(outputs));
    for_each_term([&](Index o, Index a, Index b) {
        sizes[at(o)] += std::abs(c * in.inputs[0](0, a) * in.inputs[1](0, b));
    });
    return sizes;
}

/// `factor`: what the derivative c u_a or c v_b counts as.
template <class Terms, class Factor>
void pull_back_products(const Terms& for_each_term, double c, const Operands& in, ConstMatrixView<double> D_y,
                        std::span<const MatrixView<double>> D_uv, Factor factor) {
    const MatrixView<double> D_u = D_uv[0], D_v = D_uv[1];
    for_each_term([&](Index o, Index a, Index b) {
        const double by_u = factor(c * in.inputs[1](0, b));
        const double by_v = factor(c * in.inputs[0](0, a));
        for (Index r = 0; r < D_u.rows; ++r) D_u(r, a) += D_y(r, o) * by_u;
        for (Index r = 0; r < D_v.rows; ++r) D_v(r, b) += D_y(r, o) * by_v;
    });
}

inline double as_it_is(double derivative) {
    return derivative;
}
inline double magnitude(double derivative) {
    return std::abs(derivative);
}

}  // namespace tangram::reference
