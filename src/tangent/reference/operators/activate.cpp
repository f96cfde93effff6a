// x = c phi(z), entry by entry; phi' comes from dual numbers.
//
//   pull_back   D_z += D_x c phi'(z)

#include "crossing.hpp"
#include "kinds.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <cmath>

namespace tangram::reference {

namespace {

/// c phi'(z_j).
double slope(const Activate& activate, const Operands& in, Index j) {
    return activate.scale * reference_activation(activate.phi, in.inputs[0].data[j]).derivative;
}

}  // namespace

void forward(const Activate& activate, const Operands& in, MatrixView<double> x) {
    for (Index point = 0; point < x.rows; ++point) {
        for (Index j = 0; j < x.cols; ++j)
            x(point, j) = activate.scale * reference_activation(activate.phi, in.inputs[0](point, j)).value;
    }
}

void pull_back(const Activate& activate, const Operands& in, ConstMatrixView<double> D_x,
               std::span<const MatrixView<double>> D_z) {
    const MatrixView<double> D = D_z[0];
    if (D.rows == 0) return;
    for (Index j = 0; j < D.cols; ++j) {
        const double factor = slope(activate, in, j);
        for (Index r = 0; r < D.rows; ++r) D(r, j) += D_x(r, j) * factor;
    }
}

bool crosses_kink(const Activate& activate, const Operands& middle, const Operands& ends) {
    return crosses(breaks(activate.phi), middle, ends);
}

bool branches_differ(const Activate& activate, const Operands& here, const Operands& there) {
    return slopes_differ(kinks(activate.phi), here, there,
                         [&](const Operands& in, Index j) { return slope(activate, in, j); });
}

void add_inherited(const Activate& activate, const Operands& in, std::span<const std::span<const double>> z,
                   std::span<double> x) {
    for (std::size_t j = 0; j < x.size(); ++j)
        x[j] += std::abs(slope(activate, in, static_cast<Index>(j))) * z[0][j];
}

}  // namespace tangram::reference
