// Y_b = c op(A_b) op(B_b)        S_A += c S_b op(B_b)^T, S_B += c op(A_b)^T S_b, each the other way round where transposed
// (n, batches rows cols)         (n R, size of A), (n R, size of B)

#include "tangram/support/blas.hpp"
#include "tangram/tangent/operators.hpp"

namespace tangram::operators {

namespace {

using blas::Op;

/// A row-major matrix among a sample's entries.
template <class T>
MatrixView<T> matrix(T* entries, Index number, Index rows, Index cols) {
    return {entries + number * rows * cols, rows, cols, cols};
}

/// As it is stored: (rows, cols), or (cols, rows) if transposed.
template <class T>
MatrixView<T> stored(T* entries, Index number, Index rows, Index cols, bool transposed) {
    return transposed ? matrix(entries, number, cols, rows) : matrix(entries, number, rows, cols);
}

Op op_of(bool transposed) {
    return transposed ? Op::transpose : Op::none;
}

/// All samples' rows of A lie one below the other, and one B serves them all: one product does.
bool is_one_product(const MatMul& op, ConstMatrixView<double> A, ConstMatrixView<double> B) {
    return op.batches() == 1 && !op.a_transposed && A.ld == A.cols && (B.ld == 0 || A.rows == 1);
}

void forward(const ForwardPass& pass) {
    const auto& op = std::get<MatMul>(pass.node.op);
    const ConstMatrixView<double> A = pass.inputs[0], B = pass.inputs[1];
    const Index n = pass.output.rows;
    if (is_one_product(op, A, B)) {
        blas::gemm(Op::none, op_of(op.b_transposed), op.scale, matrix(A.data, 0, n * op.rows, op.inner),
                   stored(B.data, 0, op.inner, op.cols, op.b_transposed), 0.0,
                   matrix(pass.output.data, 0, n * op.rows, op.cols));
        return;
    }
    for (Index i = 0; i < n; ++i) {
        for (Index b = 0; b < op.batches(); ++b) {
            blas::gemm(op_of(op.a_transposed), op_of(op.b_transposed), op.scale,
                       stored(A.row(i), op.a_of[at(b)], op.rows, op.inner, op.a_transposed),
                       stored(B.row(i), op.b_of[at(b)], op.inner, op.cols, op.b_transposed), 0.0,
                       matrix(pass.output.row(i), b, op.rows, op.cols));
        }
    }
}

/// dA (rows, inner) += c S op(B)^T, or its transpose where A is stored so.
void add_to_A(const MatMul& op, ConstMatrixView<double> S, ConstMatrixView<double> B, double beta,
              MatrixView<double> dA) {
    if (op.a_transposed)
        blas::gemm(op_of(op.b_transposed), Op::transpose, op.scale, B, S, beta, dA);
    else
        blas::gemm(Op::none, op_of(!op.b_transposed), op.scale, S, B, beta, dA);
}

/// dB (inner, cols) += c op(A)^T S, or its transpose.
void add_to_B(const MatMul& op, ConstMatrixView<double> S, ConstMatrixView<double> A, MatrixView<double> dB) {
    if (op.b_transposed)
        blas::gemm(Op::transpose, op_of(op.a_transposed), op.scale, S, A, 1.0, dB);
    else
        blas::gemm(op_of(!op.a_transposed), Op::none, op.scale, A, S, 1.0, dB);
}

void pull_back_to_A(const MatMul& op, const BackwardPass& pass) {
    const Contribution& to = pass.to[0];
    const ConstMatrixView<double> A = pass.inputs[0], B = pass.inputs[1];
    const Index R = pass.rows_per_sample(), rows = pass.S.rows;
    if (is_one_product(op, A, B)) {
        add_to_A(op, matrix(pass.S.data, 0, rows * op.rows, op.cols),
                 stored(B.data, 0, op.inner, op.cols, op.b_transposed), to.adds ? 1.0 : 0.0,
                 matrix(to.S.data, 0, rows * op.rows, op.inner));
        return;
    }
    begin(to);
    for (Index i = 0; i < rows; ++i) {
        for (Index b = 0; b < op.batches(); ++b) {
            add_to_A(op, matrix(pass.S.row(i), b, op.rows, op.cols),
                     stored(B.row(i / R), op.b_of[at(b)], op.inner, op.cols, op.b_transposed), 1.0,
                     stored(to.S.row(i), op.a_of[at(b)], op.rows, op.inner, op.a_transposed));
        }
    }
}

void pull_back_to_B(const MatMul& op, const BackwardPass& pass) {
    const Contribution& to = pass.to[1];
    const Index R = pass.rows_per_sample();
    begin(to);
    for (Index i = 0; i < pass.S.rows; ++i) {
        for (Index b = 0; b < op.batches(); ++b) {
            add_to_B(op, matrix(pass.S.row(i), b, op.rows, op.cols),
                     stored(pass.inputs[0].row(i / R), op.a_of[at(b)], op.rows, op.inner, op.a_transposed),
                     stored(to.S.row(i), op.b_of[at(b)], op.inner, op.cols, op.b_transposed));
        }
    }
}

void pull_back(const BackwardPass& pass) {
    const auto& op = std::get<MatMul>(pass.node.op);
    if (pass.to[0].is_needed()) pull_back_to_A(op, pass);
    if (pass.to[1].is_needed()) pull_back_to_B(op, pass);
}

}  // namespace

const OperatorRoutines matmul_routines{.forward = forward,
                                       .pull_back = pull_back,
                                       .kept_values = [](Index) { return Index{0}; },
                                       .may_overflow = true,
                                       .result = "product after"};

}  // namespace tangram::operators
