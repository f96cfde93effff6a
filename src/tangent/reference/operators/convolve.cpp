// y_o(p) = sum over the input channels i of o's group and over the kernel's offsets k of w_oi(k) x_i(strides p + dilations k -
// pads), which is 0 outside of x.

#include "kinds.hpp"
#include "sum_of_products.hpp"

namespace tangram::reference {

namespace {

/// A position p of the output and an offset k of the kernel, whose position q in the input is not outside; each along all
/// axes, row-major.
struct Tap {
    Index p = 0, k = 0, q = 0;
};

std::vector<Tap> taps_of(const Convolve& op) {
    std::vector<Tap> taps{{}};
    for (std::size_t axis = 0; axis < op.in.size(); ++axis) {
        std::vector<Tap> longer;
        for (const Tap& tap : taps) {
            for (Index p = 0; p < op.out[axis]; ++p) {
                for (Index k = 0; k < op.kernel[axis]; ++k) {
                    const Index q = op.strides[axis] * p + op.dilations[axis] * k - op.pads[axis];
                    if (q < 0 || q >= op.in[axis]) continue;
                    longer.push_back(
                        {tap.p * op.out[axis] + p, tap.k * op.kernel[axis] + k, tap.q * op.in[axis] + q});
                }
            }
        }
        taps = std::move(longer);
    }
    return taps;
}

Index product(const std::vector<Index>& extents) {
    Index all = 1;
    for (const Index extent : extents) all *= extent;
    return all;
}

auto terms_of(const Convolve& op) {
    return [&op, taps = taps_of(op)](auto visit) {
        const Index in_group = op.in_channels / op.groups;
        const Index out_group = op.out_channels / op.groups;
        const Index positions_in = product(op.in), positions_out = product(op.out);
        const Index offsets = product(op.kernel);
        for (Index o = 0; o < op.out_channels; ++o) {
            for (Index i = 0; i < in_group; ++i) {
                const Index channel = o / out_group * in_group + i;
                for (const Tap& tap : taps) {
                    visit(o * positions_out + tap.p, channel * positions_in + tap.q,
                          (o * in_group + i) * offsets + tap.k);
                }
            }
        }
    };
}

}  // namespace

void forward(const Convolve& convolve, const Operands& in, MatrixView<double> y) {
    sum_products(terms_of(convolve), 1, in, y);
}

Vector magnitudes(const Convolve& convolve, const Operands& in) {
    return magnitudes_of_products(terms_of(convolve), 1, in, convolve.out_channels * product(convolve.out));
}

void pull_back(const Convolve& convolve, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_xw) {
    pull_back_products(terms_of(convolve), 1, in, D_y, D_xw, as_it_is);
}

void pull_back_magnitudes(const Convolve& convolve, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_xw) {
    pull_back_products(terms_of(convolve), 1, in, D_y, D_xw, magnitude);
}

}  // namespace tangram::reference
