// p = x o y, entry by entry; the two may be the same value.
//
//   pull_back   D_x += D_p o y,  D_y += D_p o x

#include "kinds.hpp"

#include <cmath>

namespace tangram::reference {

void forward(const Mul&, const Operands& in, MatrixView<double> p) {
    for (Index point = 0; point < p.rows; ++point) {
        for (Index j = 0; j < p.cols; ++j) p(point, j) = in.inputs[0](point, j) * in.inputs[1](point, j);
    }
}

Vector magnitudes(const Mul&, const Operands& in) {
    Vector sizes(at(in.inputs[0].cols));
    for (Index j = 0; j < in.inputs[0].cols; ++j)
        sizes[at(j)] = std::abs(in.inputs[0](0, j) * in.inputs[1](0, j));
    return sizes;
}

void pull_back(const Mul&, const Operands& in, ConstMatrixView<double> D_p,
               std::span<const MatrixView<double>> D_xy) {
    for (std::size_t k = 0; k < 2; ++k) {
        const MatrixView<double>& D = D_xy[k];
        const ConstMatrixView<double> other = in.inputs[1 - k];
        for (Index r = 0; r < D.rows; ++r) {
            for (Index j = 0; j < D.cols; ++j) D(r, j) += D_p(r, j) * other(0, j);
        }
    }
}

void add_inherited(const Mul&, const Operands& in, std::span<const std::span<const double>> xy,
                   std::span<double> p) {
    for (std::size_t k = 0; k < 2; ++k) {
        for (std::size_t j = 0; j < p.size(); ++j)
            p[j] += std::abs(in.inputs[1 - k](0, static_cast<Index>(j))) * xy[k][j];
    }
}

}  // namespace tangram::reference
