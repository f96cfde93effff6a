// y_o(p) = sum over the input channels i of o's group and over the kernel's offsets k of w_oi(k) x_i(strides p + dilations k -
// pads), which is 0 outside of x. With X_ik(p), the entry of x that is read there:
//
//   forward     y_o += w_oik X_ik        pull_back   D_X_ik += w_oik D_y_o, back to where X_ik was read;   D_w_oik += D_y_o . X_ik
//
// each over all positions p, which lie next to each other.

#include "contiguous.hpp"
#include "kinds.hpp"

#include <algorithm>
#include <cmath>

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
            for (Index k = 0; k < op.kernel[axis]; ++k) {
                for (Index p = 0; p < op.out[axis]; ++p) {
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

constexpr auto as_it_is = [](double x) { return x; };
constexpr auto magnitude = [](double x) { return std::abs(x); };

/// Sizes of one group.
struct Group {
    explicit Group(const Convolve& op)
        : channels(op.in_channels / op.groups),
          outputs(op.out_channels / op.groups),
          pixels(product(op.in)),
          positions(product(op.out)),
          offsets(product(op.kernel)),
          taps(taps_of(op)) {}
    Index channels, outputs, pixels, positions, offsets;
    std::vector<Tap> taps;
    /// Rows of X.
    [[nodiscard]] Index terms() const { return channels * offsets; }

    /// X (terms, positions) of the group's channels x.
    template <class Factor>
    void read(const double* x, Factor factor, Matrix<double>& X) const {
        for (Index i = 0; i < channels; ++i) {
            for (const Tap& tap : taps) X(i * offsets + tap.k, tap.p) = factor(x[i * pixels + tap.q]);
        }
    }
    /// x += D_X, to where X was read.
    void add_back(const Matrix<double>& D_X, double* x) const {
        for (Index i = 0; i < channels; ++i) {
            for (const Tap& tap : taps) x[i * pixels + tap.q] += D_X(i * offsets + tap.k, tap.p);
        }
    }
};

/// y (out_channels, positions) += the sum over terms, of factor(w) factor(X).
template <class Factor>
void add_sums(const Convolve& op, const Group& of, const double* x, const double* w, Factor factor,
              double* y) {
    Matrix<double> X(of.terms(), of.positions), own(of.outputs, of.terms());
    for (Index group = 0; group < op.groups; ++group, x += of.channels * of.pixels) {
        of.read(x, factor, X);
        std::transform(w, w + own.size(), own.data(), factor);
        add_product({own.data(), of.terms(), 1}, of.outputs, of.terms(), of.positions, X.data(), y);
        w += own.size();
        y += of.outputs * of.positions;
    }
}

template <class Factor>
void pull_back_by(const Convolve& op, const Operands& in, ConstMatrixView<double> D_y, Factor factor,
                  std::span<const MatrixView<double>> D_xw) {
    const Group of(op);
    const MatrixView<double> D_x = D_xw[0], D_w = D_xw[1];
    for (Index group = 0; group < op.groups; ++group) {
        const Index first_x = group * of.channels * of.pixels;
        const Index first_w = group * of.outputs * of.terms();
        const Index first_y = group * of.outputs * of.positions;
        const double* w = in.inputs[1].data + first_w;
        Matrix<double> own(of.outputs, of.terms());
        std::transform(w, w + own.size(), own.data(), factor);
        for (Index r = 0; r < D_x.rows; ++r) {
            Matrix<double> D_X(of.terms(), of.positions);
            const Strided transposed{own.data(), 1, of.terms()};
            add_product(transposed, of.terms(), of.outputs, of.positions, D_y.row(r) + first_y, D_X.data());
            of.add_back(D_X, D_x.row(r) + first_x);
        }
        if (D_w.rows == 0) continue;
        Matrix<double> X(of.terms(), of.positions);
        of.read(in.inputs[0].data + first_x, factor, X);
        for (Index r = 0; r < D_w.rows; ++r) {
            for (Index o = 0; o < of.outputs; ++o) {
                const double* d = D_y.row(r) + first_y + o * of.positions;
                double* into = D_w.row(r) + first_w + o * of.terms();
                for (Index c = 0; c < of.terms(); ++c) into[c] += dot(d, X.view().row(c), of.positions);
            }
        }
    }
}

}  // namespace

void forward(const Convolve& convolve, const Operands& in, MatrixView<double> y) {
    const Group of(convolve);
    for (Index point = 0; point < y.rows; ++point) {
        std::fill(y.row(point), y.row(point) + y.cols, 0.0);
        add_sums(convolve, of, in.inputs[0].row(point), in.inputs[1].row(point), as_it_is, y.row(point));
    }
}

Vector magnitudes(const Convolve& convolve, const Operands& in) {
    Vector sizes(at(convolve.out_channels * product(convolve.out)));
    add_sums(convolve, Group(convolve), in.inputs[0].data, in.inputs[1].data, magnitude, sizes.data());
    return sizes;
}

void pull_back(const Convolve& convolve, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_xw) {
    pull_back_by(convolve, in, D_y, as_it_is, D_xw);
}

void pull_back_magnitudes(const Convolve& convolve, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_xw) {
    pull_back_by(convolve, in, D_y, magnitude, D_xw);
}

}  // namespace tangram::reference
