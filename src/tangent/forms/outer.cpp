// A weight and, where it has one, its bias. The gradients of (i, r) are a S_ir X_i^T and b S_ir.
//
//   K[W] = a^2 G o H      K[B] = b^2 H

#include "sensitivities.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <utility>

namespace tangram::forms {

namespace {

using blas::Op;

constexpr std::size_t weight_at = 0, bias_at = 1;  // in the step's tensors

bool has_bias(const Step& step) {
    return step.tensors.size() > bias_at;
}

double weight_factor(const PreparedStep& prepared) {
    return prepared.factors[weight_at];
}

double bias_factor(const PreparedStep& prepared) {
    return has_bias(prepared.step) ? prepared.factors[bias_at] : 0;
}

double operations_of_pair(const PairSizes& sizes) {
    return sizes.d_in + operations_of_sensitivities(sizes);
}

template <class T>
StepGrams<T> prepare(const StepTile<T>& tile, const GramScratch<T>& scratch) {
    const MatrixView<T> G = scratch.G(tile.X_row.rows, tile.X_column.rows);
    gram(tile.diagonal, tile.X_row, tile.X_column, G);
    StepGrams<T> grams =
        sensitivity_gram(tile, scratch, weight_factor(tile.prepared), bias_factor(tile.prepared));
    grams.G = G;
    return grams;
}

template <class T>
bool add(const StepGrams<T>& grams, Start start, MatrixView<T> total) {
    if (grams.number_H) return add_scaled(grams.G, grams.weight, grams.bias, start, total);
    return add_hadamard(grams.G, grams.H, grams.weight, grams.bias, start, total);
}

template <class T>
void fill_tensor(const StepGrams<T>& grams, std::size_t which, MatrixView<T> out) {
    const bool is_weight = which == weight_at;
    if (grams.number_H) {
        if (is_weight)
            scale_into(grams.G, grams.weight, out);
        else
            fill(grams.bias, out);
    } else if (is_weight) {
        hadamard(grams.G, grams.H, grams.weight, out);
    } else {
        scale_into(grams.H, grams.bias, out);
    }
}

template <class T>
void own_numbers(const OwnFeatures<T>& own, std::vector<NamedNumber>& numbers) {
    const double weight = weight_factor(own.prepared), bias = bias_factor(own.prepared);
    const double G = squared_norm(own.X.row(0), own.X.cols);
    const double H = largest_own_H(own);
    numbers.push_back({"squared scale of", std::max(weight, bias)});
    numbers.push_back({"squared norm of the input of", G});
    numbers.push_back({"squared norm of the sensitivity at", H});
    // A constant H is multiplied in first.
    numbers.push_back({"scaled Gram product of", weight * (own.prepared.constant ? std::max(G, H) : G)});
    numbers.push_back({"diagonal kernel entry of", weight * G * H + bias * H});
}

template <class T>
void add_own_block(const OwnFeatures<T>& own, std::size_t which, MatrixView<double> block) {
    const double G = which == weight_at ? squared_norm(own.X.row(0), own.X.cols) : 1;
    add_own_H(own, own.prepared.factors[which] * G, block);
}

/// Unit by unit of the weight: a s[j] x.
template <class T>
void fill_entries(const FeatureView& f, const Step& step, std::size_t which, Index i, const double* s,
                  const EntryRun& run, T* out) {
    const StepTensor& its = step.tensors[which];
    if (which == bias_at) {
        fill_added(its, s, run, out);
        return;
    }
    const ConstMatrixView<double> X = f.X(step);
    const Index end = run.begin + run.length;
    for (Index p = run.begin; p < end;) {
        const Index unit = p / X.cols, input = p % X.cols;
        const Index length = std::min(X.cols - input, end - p);
        const double factor = its.scale * s[unit];
        const double* const x = X.row(i) + input;
        for (Index k = 0; k < length; ++k) out[k] = static_cast<T>(factor * x[k]);
        out += length;
        p += length;
    }
}

/// a^2 (sum_r S o S)^T (X o X)
void add_squares(const FeatureView& f, const Step& step, std::size_t which, double* squares) {
    const StepTensor& its = step.tensors[which];
    if (which == bias_at) {
        add_squares_of_added(f, step, its, squares);
        return;
    }
    const ConstMatrixView<double> X = f.X(step);
    const Matrix<double> SS = squared_sensitivities(f, step, its.scale);
    Matrix<double> XX(X.rows, X.cols);
    for (Index i = 0; i < X.rows; ++i) {
        for (Index k = 0; k < X.cols; ++k) XX(i, k) = X(i, k) * X(i, k);
    }
    blas::gemm(Op::transpose, Op::none, 1.0, std::as_const(SS).view(), std::as_const(XX).view(), 1.0,
               MatrixView<double>{squares, SS.cols(), X.cols, X.cols});
}

void transposed_action(const FeatureView& f, const Step& step, Index first, ConstMatrixView<double> y,
                       const StepParameters& out) {
    const Matrix<double> D = weighted_sensitivities(f, step, first, y);
    const ConstMatrixView<double> X = f.X(step);
    blas::gemm(Op::transpose, Op::none, step.tensors[weight_at].scale, D.view(), X, 1.0,
               MatrixView<double>{out[weight_at], D.cols(), X.cols, X.cols});
    if (has_bias(step)) add_columns(D.view(), step.tensors[bias_at], out[bias_at]);
}

void action(const FeatureView& f, const Step& step, Index first, const StepParameters& u,
            std::vector<Matrix<double>>& y) {
    const ConstMatrixView<double> X = f.X(step);
    const Index width = f.width(step);
    Matrix<double> T(f.samples, width);
    blas::gemm(Op::none, Op::transpose, step.tensors[weight_at].scale, X,
               ConstMatrixView<double>{u[weight_at], width, X.cols, X.cols}, 0.0, T.view());
    add_row_products(f, step, first, std::as_const(T).view(), y[weight_at]);
    if (has_bias(step)) add_action_of_added(f, step, step.tensors[bias_at], first, u[bias_at], y[bias_at]);
}

/// sum over i of (a^2 |X_i|^2 + b^2) sum_r |S_ir|^2
double size(const FeatureView& f, const Step& step) {
    const ConstMatrixView<double> X = f.X(step);
    const double a = step.tensors[weight_at].scale, b = has_bias(step) ? step.tensors[bias_at].scale : 0;
    const Matrix<double> SS = squared_sensitivities(f, step, 1);
    double sum = 0;
    for (Index i = 0; i < f.samples; ++i) {
        double H = 0;
        for (Index j = 0; j < SS.cols(); ++j) H += SS(i, j);
        sum += (a * a * squared_norm(X.row(i), X.cols) + b * b) * H;
    }
    return sum;
}

}  // namespace

const FormFacts outer_facts{.name = "outer", .needs_input = true, .operations_of_pair = operations_of_pair};

template <class T>
const TileRoutines<T>& outer_tiles() {
    static constexpr TileRoutines<T> routines{prepare<T>, add<T>, fill_tensor<T>, own_numbers<T>,
                                              add_own_block<T>};
    return routines;
}

template const TileRoutines<float>& outer_tiles();
template const TileRoutines<double>& outer_tiles();

const JacobianRoutines outer_jacobian{
    fill_entries<double>, fill_entries<float>, add_squares, transposed_action, action, size};

}  // namespace tangram::forms
