// s = x + b y; the two may be the same value.
//
//   pull_back   D_x += D_s,  D_y += b D_s

#include "kinds.hpp"

#include <cmath>

namespace tangram::reference {

void forward(const Add& add, const Operands& in, MatrixView<double> s) {
    for (Index point = 0; point < s.rows; ++point) {
        for (Index j = 0; j < s.cols; ++j)
            s(point, j) = in.inputs[0](point, j) + add.y_scale * in.inputs[1](point, j);
    }
}

Vector magnitudes(const Add& add, const Operands& in) {
    Vector sizes(at(in.inputs[0].cols));
    for (Index j = 0; j < in.inputs[0].cols; ++j)
        sizes[at(j)] = std::abs(in.inputs[0](0, j)) + std::abs(add.y_scale * in.inputs[1](0, j));
    return sizes;
}

void pull_back(const Add& add, const Operands&, ConstMatrixView<double> D_s,
               std::span<const MatrixView<double>> D_xy) {
    for (std::size_t k = 0; k < 2; ++k) {
        const MatrixView<double>& D = D_xy[k];
        const double scale = k == 0 ? 1 : add.y_scale;
        for (Index r = 0; r < D.rows; ++r) {
            for (Index j = 0; j < D.cols; ++j) D(r, j) += scale * D_s(r, j);
        }
    }
}

void add_inherited(const Add& add, const Operands&, std::span<const std::span<const double>> xy,
                   std::span<double> s) {
    for (std::size_t j = 0; j < s.size(); ++j) s[j] += xy[0][j] + std::abs(add.y_scale) * xy[1][j];
}

}  // namespace tangram::reference
