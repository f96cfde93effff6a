#include "sensitivities.hpp"

#include "tangram/support/blas.hpp"

#include <algorithm>
#include <utility>

namespace tangram::forms {

template <class T>
void gram(bool diagonal, ConstMatrixView<T> A, ConstMatrixView<T> B, MatrixView<T> C) {
    if (diagonal) {
        blas::gram_lower(A, C);
        mirror_lower(C);
    } else {
        blas::gemm(blas::Op::none, blas::Op::transpose, T{1}, A, B, T{0}, C);
    }
}

template <class T>
StepGrams<T> sensitivity_gram(const StepTile<T>& tile, const GramScratch<T>& scratch, double weight,
                              double bias) {
    const PreparedStep& prepared = tile.prepared;
    StepGrams<T> grams;
    if (prepared.constant && !tile.full) {
        const double H = prepared.constant_H(0, 0);
        grams.number_H = true;
        grams.weight = static_cast<T>(weight * H);
        grams.bias = static_cast<T>(bias * H);
        return grams;
    }
    grams.weight = static_cast<T>(weight);
    grams.bias = static_cast<T>(bias);
    if (prepared.constant) {
        grams.H = scratch.constant_H(prepared.index, tile.rows, tile.cols);
        return grams;
    }
    const MatrixView<T> H = scratch.H(tile.rows, tile.cols);
    gram(tile.diagonal, tile.S_row, tile.S_column, H);
    grams.H = H;
    return grams;
}

template <class T>
double largest_own_H(const OwnFeatures<T>& own) {
    double largest = 0;
    if (own.prepared.constant) {
        const Matrix<double>& H = own.prepared.constant_H;
        for (Index r = 0; r < H.rows(); ++r) largest = std::max(largest, H(r, r));
        return largest;
    }
    for (Index r = 0; r < own.S.rows; ++r)
        largest = std::max(largest, squared_norm(own.S.row(r), own.S.cols));
    return largest;
}

template <class T>
void add_own_H(const OwnFeatures<T>& own, double factor, MatrixView<double> block) {
    for (Index r = 0; r < block.rows; ++r) {
        for (Index s = 0; s < block.cols; ++s) {
            double H = own.prepared.constant ? own.prepared.constant_H(r, s) : 0;
            for (Index j = 0; j < own.S.cols; ++j)
                H += static_cast<double>(own.S(r, j)) * static_cast<double>(own.S(s, j));
            block(r, s) += factor * H;
        }
    }
}

Matrix<double> weighted_sensitivities(const FeatureView& f, const Step& step, Index first,
                                      ConstMatrixView<double> y) {
    const Index width = f.width(step);
    Matrix<double> D(f.samples, width);
    std::vector<double> s(at(width));
    for (Index i = 0; i < f.samples; ++i) {
        double* d = D.view().row(i);
        for (Index r = 0; r < y.cols; ++r) {
            f.copy_sensitivity(step, i, first + r, s.data());
            for (Index j = 0; j < width; ++j) d[j] += y(i, r) * s[at(j)];
        }
    }
    return D;
}

Matrix<double> squared_sensitivities(const FeatureView& f, const Step& step, double scale) {
    const Index width = f.width(step);
    Matrix<double> squares(f.samples, width);
    std::vector<double> s(at(width));
    for (Index i = 0; i < f.samples; ++i) {
        for (Index r = 0; r < f.reduction.sensitivities(); ++r) {
            f.copy_sensitivity(step, i, r, s.data());
            for (Index j = 0; j < width; ++j) squares(i, j) += scale * s[at(j)] * (scale * s[at(j)]);
        }
    }
    return squares;
}

void add_row_products(const FeatureView& f, const Step& step, Index first, ConstMatrixView<double> T,
                      Matrix<double>& y) {
    std::vector<double> s(at(T.cols));
    for (Index i = 0; i < f.samples; ++i) {
        const double* const t = T.row(T.rows == 1 ? 0 : i);
        for (Index r = 0; r < y.cols(); ++r) {
            f.copy_sensitivity(step, i, first + r, s.data());
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (Index j = 0; j < T.cols; ++j) sum += s[at(j)] * t[j];
            y(i, r) += sum;
        }
    }
}

void add_squares_of_added(const FeatureView& f, const Step& step, const StepTensor& its, double* squares) {
    const Matrix<double> by_sample = squared_sensitivities(f, step, its.scale);
    for (Index i = 0; i < by_sample.rows(); ++i) {
        for (Index j = 0; j < by_sample.cols(); ++j) squares[j] += by_sample(i, j);
    }
}

void add_columns(ConstMatrixView<double> D, const StepTensor& its, double* out) {
    for (Index i = 0; i < D.rows; ++i) {
        for (Index j = 0; j < D.cols; ++j) out[j] += its.scale * D(i, j);
    }
}

void add_action_of_added(const FeatureView& f, const Step& step, const StepTensor& its, Index first,
                         const double* u, Matrix<double>& y) {
    Matrix<double> t(1, f.width(step));
    for (Index j = 0; j < t.cols(); ++j) t(0, j) = its.scale * u[j];
    add_row_products(f, step, first, std::as_const(t).view(), y);
}

template void gram(bool, ConstMatrixView<float>, ConstMatrixView<float>, MatrixView<float>);
template void gram(bool, ConstMatrixView<double>, ConstMatrixView<double>, MatrixView<double>);
template StepGrams<float> sensitivity_gram(const StepTile<float>&, const GramScratch<float>&, double, double);
template StepGrams<double> sensitivity_gram(const StepTile<double>&, const GramScratch<double>&, double,
                                            double);
template double largest_own_H(const OwnFeatures<float>&);
template double largest_own_H(const OwnFeatures<double>&);
template void add_own_H(const OwnFeatures<float>&, double, MatrixView<double>);
template void add_own_H(const OwnFeatures<double>&, double, MatrixView<double>);

}  // namespace tangram::forms
