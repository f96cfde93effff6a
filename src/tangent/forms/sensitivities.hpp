#pragma once
// What forms have in common: Grams of sensitivities, and the gradient of a tensor that is added, s itself.

#include "tangram/tangent/forms.hpp"

namespace tangram::forms {

/// Of a pair of samples in S S^T: Q d_out, none where the sensitivity is constant.
inline double operations_of_sensitivities(const PairSizes& sizes) {
    return sizes.constant ? 0 : sizes.Q * sizes.d_out;
}

/// C = A B^T; on a diagonal tile, where B is A, one triangle is computed and mirrored, so that C is exactly symmetric.
template <class T>
void gram(bool diagonal, ConstMatrixView<T> A, ConstMatrixView<T> B, MatrixView<T> C);

/// H, and the factors of G o H and of H with it where it is a number.
template <class T>
StepGrams<T> sensitivity_gram(const StepTile<T>& tile, const GramScratch<T>& scratch, double weight,
                              double bias);

/// The largest |S_ir|^2 of the sample's rows r.
template <class T>
double largest_own_H(const OwnFeatures<T>& own);

/// block += factor S_i S_i^T, (R', R').
template <class T>
void add_own_H(const OwnFeatures<T>& own, double factor, MatrixView<double> block);

template <class T>
double squared_norm(const T* values, Index count) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index j = 0; j < count; ++j) sum += static_cast<double>(values[j]) * static_cast<double>(values[j]);
    return sum;
}

/// D (n, d_out), D[i, .] = sum_r y[i, r] S[i, first + r, .]
Matrix<double> weighted_sensitivities(const FeatureView& f, const Step& step, Index first,
                                      ConstMatrixView<double> y);

/// squares (n, d_out) = sum over r of scale^2 S o S
Matrix<double> squared_sensitivities(const FeatureView& f, const Step& step, double scale);

/// y[i, r] += S[i, first + r, .] . T[i, .], or T[0, .] for all samples.
void add_row_products(const FeatureView& f, const Step& step, Index first, ConstMatrixView<double> T,
                      Matrix<double>& y);

// A tensor with the gradient b s.

template <class T>
void fill_added(const StepTensor& its, const double* s, const EntryRun& run, T* out) {
    for (Index k = 0; k < run.length; ++k) out[k] = static_cast<T>(its.scale * s[run.begin + k]);
}
void add_squares_of_added(const FeatureView& f, const Step& step, const StepTensor& its, double* squares);
/// out += b sum over i of D[i, .]
void add_columns(ConstMatrixView<double> D, const StepTensor& its, double* out);
void add_action_of_added(const FeatureView& f, const Step& step, const StepTensor& its, Index first,
                         const double* u, Matrix<double>& y);

}  // namespace tangram::forms
