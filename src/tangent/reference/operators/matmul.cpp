// y = c A B, a batch of them, each row-major:
//
//   forward     y_i += c A_ik B_k              (rows of B)      or   y_ij = c A_i . B^T_j
//   pull_back   D_A_ik += c D_y_i . B_k        D_B_k += c A_ik D_y_i      or   D_A_i += c D_y_ij B^T_j     D_B^T_j += c D_y_ij A_i
//
// where B lies as B^T in the second; a transposed A is copied first. So all that is read together lies next to each other.

#include "contiguous.hpp"
#include "kinds.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::reference {

namespace {

constexpr auto as_it_is = [](double x) { return x; };
constexpr auto magnitude = [](double x) { return std::abs(x); };

/// factor(op(A)) of batch b, (rows, inner).
template <class Factor>
Matrix<double> rows_of_A(const MatMul& op, const double* A, Factor factor) {
    Matrix<double> rows(op.rows, op.inner);
    for (Index i = 0; i < op.rows; ++i) {
        for (Index k = 0; k < op.inner; ++k)
            rows(i, k) = factor(A[op.a_transposed ? k * op.rows + i : i * op.inner + k]);
    }
    return rows;
}

/// B as it lies: (inner, cols), or (cols, inner).
struct Right {
    bool transposed = false;
    Matrix<double> rows;
};

template <class Factor>
Right rows_of_B(const MatMul& op, const double* B, Factor factor) {
    Right right{op.b_transposed || op.cols == 1, {}};  // a single column lies as a row
    right.rows = right.transposed ? Matrix<double>(op.cols, op.inner) : Matrix<double>(op.inner, op.cols);
    std::transform(B, B + right.rows.size(), right.rows.data(), factor);
    return right;
}

/// y (batches, rows, cols) += c A B.
template <class Factor>
void add_products(const MatMul& op, const double* A, const double* B, Factor factor, double* y) {
    for (Index b = 0; b < op.batches(); ++b) {
        const Matrix<double> left = rows_of_A(op, A + op.a_of[at(b)] * op.rows * op.inner, factor);
        const Right right = rows_of_B(op, B + op.b_of[at(b)] * op.inner * op.cols, factor);
        if (!right.transposed)
            add_product({left.data(), op.inner, 1}, op.rows, op.inner, op.cols, right.rows.data(), y);
        for (Index i = 0; i < op.rows; ++i, y += op.cols) {
            for (Index j = 0; right.transposed && j < op.cols; ++j)
                y[j] += dot(left.view().row(i), right.rows.view().row(j), op.inner);
            for (Index j = 0; j < op.cols; ++j) y[j] *= factor(op.scale);
        }
    }
}

/// D_A (rows, inner) += c D_y B^T of one batch.
void pull_back_to_A(const MatMul& op, double c, const Right& right, const double* D_y, Matrix<double>& D_A) {
    for (Index i = 0; i < op.rows; ++i, D_y += op.cols) {
        double* into = D_A.view().row(i);
        for (Index j = 0; right.transposed && j < op.cols; ++j)
            add_multiple(c * D_y[j], right.rows.view().row(j), op.inner, into);
        for (Index k = 0; !right.transposed && k < op.inner; ++k)
            into[k] += c * dot(D_y, right.rows.view().row(k), op.cols);
    }
}

/// D_B += c A^T D_y of one batch, as B lies.
void pull_back_to_B(const MatMul& op, double c, const Matrix<double>& left, bool transposed,
                    const double* D_y, double* D_B) {
    for (Index i = 0; i < op.rows; ++i, D_y += op.cols) {
        for (Index j = 0; transposed && j < op.cols; ++j)
            add_multiple(c * D_y[j], left.view().row(i), op.inner, D_B + j * op.inner);
        for (Index k = 0; !transposed && k < op.inner; ++k)
            add_multiple(c * left(i, k), D_y, op.cols, D_B + k * op.cols);
    }
}

template <class Factor>
void pull_back_by(const MatMul& op, const Operands& in, ConstMatrixView<double> D_y, Factor factor,
                  std::span<const MatrixView<double>> D_AB) {
    const double c = factor(op.scale);
    for (Index b = 0; b < op.batches(); ++b) {
        const Index first_A = op.a_of[at(b)] * op.rows * op.inner;
        const Index first_B = op.b_of[at(b)] * op.inner * op.cols;
        const Index first_y = b * op.rows * op.cols;
        const Matrix<double> left = rows_of_A(op, in.inputs[0].data + first_A, factor);
        const Right right = rows_of_B(op, in.inputs[1].data + first_B, factor);
        for (Index r = 0; r < D_AB[0].rows; ++r) {
            Matrix<double> D_A(op.rows, op.inner);
            pull_back_to_A(op, c, right, D_y.row(r) + first_y, D_A);
            double* into = D_AB[0].row(r) + first_A;
            for (Index i = 0; i < op.rows; ++i) {
                for (Index k = 0; k < op.inner; ++k)
                    into[op.a_transposed ? k * op.rows + i : i * op.inner + k] += D_A(i, k);
            }
        }
        for (Index r = 0; r < D_AB[1].rows; ++r)
            pull_back_to_B(op, c, left, right.transposed, D_y.row(r) + first_y, D_AB[1].row(r) + first_B);
    }
}

}  // namespace

void forward(const MatMul& matmul, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        std::fill(y.row(point), y.row(point) + y.cols, 0.0);
        add_products(matmul, in.inputs[0].row(point), in.inputs[1].row(point), as_it_is, y.row(point));
    }
}

Vector magnitudes(const MatMul& matmul, const Operands& in) {
    Vector sizes(at(matmul.batches() * matmul.rows * matmul.cols));
    add_products(matmul, in.inputs[0].data, in.inputs[1].data, magnitude, sizes.data());
    return sizes;
}

void pull_back(const MatMul& matmul, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_AB) {
    pull_back_by(matmul, in, D_y, as_it_is, D_AB);
}

void pull_back_magnitudes(const MatMul& matmul, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_AB) {
    pull_back_by(matmul, in, D_y, magnitude, D_AB);
}

}  // namespace tangram::reference
