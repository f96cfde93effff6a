// y = c A B, a batch of them: the term (i, k, j) of batch b is A[a_of[b]](i, k) B[b_of[b]](k, j), for y[b](i, j).

#include "kinds.hpp"
#include "sum_of_products.hpp"

namespace tangram::reference {

namespace {

auto terms_of(const MatMul& op) {
    return [&op](auto visit) {
        for (Index b = 0; b < op.batches(); ++b) {
            const Index A = op.a_of[at(b)] * op.rows * op.inner;
            const Index B = op.b_of[at(b)] * op.inner * op.cols;
            for (Index i = 0; i < op.rows; ++i) {
                for (Index j = 0; j < op.cols; ++j) {
                    for (Index k = 0; k < op.inner; ++k) {
                        visit((b * op.rows + i) * op.cols + j,
                              A + (op.a_transposed ? k * op.rows + i : i * op.inner + k),
                              B + (op.b_transposed ? j * op.inner + k : k * op.cols + j));
                    }
                }
            }
        }
    };
}

}  // namespace

void forward(const MatMul& matmul, const Operands& in, MatrixView<double> y) {
    sum_products(terms_of(matmul), matmul.scale, in, y);
}

Vector magnitudes(const MatMul& matmul, const Operands& in) {
    return magnitudes_of_products(terms_of(matmul), matmul.scale, in,
                                  matmul.batches() * matmul.rows * matmul.cols);
}

void pull_back(const MatMul& matmul, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_AB) {
    pull_back_products(terms_of(matmul), matmul.scale, in, D_y, D_AB, as_it_is);
}

void pull_back_magnitudes(const MatMul& matmul, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_AB) {
    pull_back_products(terms_of(matmul), matmul.scale, in, D_y, D_AB, magnitude);
}

}  // namespace tangram::reference
