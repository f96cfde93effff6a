// Compare: 1 where the relation holds between entries, 0 elsewhere: it has no derivative, and a kink where it turns.
// Choose: the entry of x where that of c is not 0, that of y elsewhere.
//
//   pull_back   D_x += D where c, D_y += D elsewhere

#include "kinds.hpp"

namespace tangram::reference {

namespace {

double truth(const Compare& compare, double x, double y) {
    bool is_true = x == y;
    if (compare.relation == Compare::Relation::less) is_true = y > x;
    if (compare.relation == Compare::Relation::less_or_equal) is_true = y >= x;
    return is_true ? 1 : 0;
}

/// Which input is taken.
std::size_t taken(const Operands& in, Index point, Index j) {
    return in.inputs[0](point, j) == 0 ? 2 : 1;
}

}  // namespace

void forward(const Compare& compare, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index j = 0; j < y.cols; ++j)
            y(point, j) = truth(compare, in.inputs[0](point, j), in.inputs[1](point, j));
    }
}

void pull_back(const Compare&, const Operands&, ConstMatrixView<double>,
               std::span<const MatrixView<double>>) {}

bool crosses_kink(const Compare& compare, const Operands& middle, const Operands& ends) {
    for (Index j = 0; j < middle.inputs[0].cols; ++j) {
        const double here = truth(compare, middle.inputs[0](0, j), middle.inputs[1](0, j));
        for (Index end = 0; end < 2; ++end) {
            if (truth(compare, ends.inputs[0](end, j), ends.inputs[1](end, j)) != here) return true;
        }
    }
    return false;
}

void forward(const Choose&, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index j = 0; j < y.cols; ++j) y(point, j) = in.inputs[taken(in, point, j)](point, j);
    }
}

void pull_back(const Choose&, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x) {
    for (Index j = 0; j < D_y.cols; ++j) {
        const MatrixView<double>& D = D_x[taken(in, 0, j)];
        for (Index r = 0; r < D.rows; ++r) D(r, j) += D_y(r, j);
    }
}

void add_inherited(const Choose&, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y) {
    for (std::size_t j = 0; j < y.size(); ++j) y[j] += x[taken(in, 0, static_cast<Index>(j))][j];
}

}  // namespace tangram::reference
