// y = (x - mean) / s,  s = sqrt(variance + epsilon),  over each run of n entries; the variance is the mean of squares about
// the mean.
//
//   dy_j/dx_k = (delta_jk - 1/n - y_j y_k / n) / s

#include "kinds.hpp"

#include <cmath>

namespace tangram::reference {

namespace {

struct Moments {
    double mean = 0;
    double s = 0;
};

Moments moments(const Standardize& standardize, const double* x) {
    const Index n = standardize.length;
    double sum = 0;
    for (Index j = 0; j < n; ++j) sum += x[j];
    const double mean = sum / static_cast<double>(n);
    double squares = 0;
    for (Index j = 0; j < n; ++j) squares += (x[j] - mean) * (x[j] - mean);
    return {mean, std::sqrt(squares / static_cast<double>(n) + standardize.epsilon)};
}

/// The runs at the first point, standardized, one after the other, and the s of each.
struct Standardized {
    Vector y;
    Vector s;
};

Standardized standardized(const Standardize& standardize, const Operands& in) {
    const Index n = standardize.length;
    Standardized all;
    for (Index first = 0; first < in.inputs[0].cols; first += n) {
        const double* x = in.inputs[0].data + first;
        const Moments of = moments(standardize, x);
        for (Index j = 0; j < n; ++j) all.y.push_back((x[j] - of.mean) / of.s);
        all.s.push_back(of.s);
    }
    return all;
}

/// b += a dy/dx, row vectors.
void add_products(const Standardized& all, const double* a, double* b) {
    const std::size_t n = all.y.size() / all.s.size();
    for (std::size_t run = 0; run < all.s.size(); ++run) {
        const std::size_t end = (run + 1) * n;
        double mean = 0, mean_by_y = 0;
        for (std::size_t j = run * n; j < end; ++j) {
            mean += a[j] / static_cast<double>(n);
            mean_by_y += a[j] * all.y[j] / static_cast<double>(n);
        }
        for (std::size_t k = run * n; k < end; ++k) b[k] += (a[k] - mean - all.y[k] * mean_by_y) / all.s[run];
    }
}

/// b_k += sum over j of the run of |a_j| (delta_jk + 1/n + |y_j y_k| / n) / s: no less than |a| |dy/dx|, which is symmetric.
void add_bound(const Standardized& all, const double* a, double* b) {
    const std::size_t n = all.y.size() / all.s.size();
    for (std::size_t run = 0; run < all.s.size(); ++run) {
        const std::size_t end = (run + 1) * n;
        double mean = 0, mean_by_y = 0;
        for (std::size_t j = run * n; j < end; ++j) {
            mean += std::abs(a[j]) / static_cast<double>(n);
            mean_by_y += std::abs(a[j] * all.y[j]) / static_cast<double>(n);
        }
        for (std::size_t k = run * n; k < end; ++k)
            b[k] += (std::abs(a[k]) + mean + std::abs(all.y[k]) * mean_by_y) / all.s[run];
    }
}

}  // namespace

void forward(const Standardize& standardize, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index first = 0; first < y.cols; first += standardize.length) {
            const double* x = in.inputs[0].row(point) + first;
            const Moments of = moments(standardize, x);
            for (Index j = 0; j < standardize.length; ++j) y(point, first + j) = (x[j] - of.mean) / of.s;
        }
    }
}

Vector magnitudes(const Standardize& standardize, const Operands& in) {
    const Standardized all = standardized(standardize, in);
    Vector sizes;
    for (const double y : all.y) sizes.push_back(std::abs(y));
    add_bound(all, in.inputs[0].data, sizes.data());  // the mean and its subtraction: as if each x_k were off
    return sizes;
}

void pull_back(const Standardize& standardize, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x) {
    const MatrixView<double> D = D_x[0];
    if (D.rows == 0) return;
    const Standardized all = standardized(standardize, in);
    for (Index r = 0; r < D.rows; ++r) add_products(all, D_y.row(r), D.row(r));
}

void pull_back_magnitudes(const Standardize& standardize, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_x) {
    if (D_x[0].rows == 0) return;
    const Standardized all = standardized(standardize, in);
    for (Index r = 0; r < D_x[0].rows; ++r) add_bound(all, D_y.row(r), D_x[0].row(r));
}

void add_inherited(const Standardize& standardize, const Operands& in,
                   std::span<const std::span<const double>> x, std::span<double> y) {
    add_bound(standardized(standardize, in), x[0].data(), y.data());
}

}  // namespace tangram::reference
