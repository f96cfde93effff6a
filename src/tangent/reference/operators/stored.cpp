// y_o = g_o . theta, theta zero, with g read from where it is stored.
//
//   gradient   J[p] = sum over o of d_o g_o[p]

#include "kinds.hpp"
#include "tangram/network/stored_rows.hpp"

#include <algorithm>
#include <array>

namespace tangram::reference {

void forward(const Stored&, const Operands&, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) std::fill_n(y.row(point), y.cols, 0.0);
}

void pull_back(const Stored&, const Operands&, ConstMatrixView<double>, std::span<const MatrixView<double>>) {
}

void gradient_of_units(const Stored& stored, const Operands& in, std::span<const double> d, Index first_unit,
                       std::span<double> J) {
    const std::array numbers{row_number_of(in.inputs[0].row(0))};
    Matrix<double> g(stored.source->rows, static_cast<Index>(J.size()));
    stored.source->read(numbers, first_unit, g.view());
    std::fill(J.begin(), J.end(), 0.0);
    for (Index o = 0; o < g.rows(); ++o) {
        for (Index p = 0; p < g.cols(); ++p) J[at(p)] += d[at(o)] * g(o, p);
    }
}

}  // namespace tangram::reference
