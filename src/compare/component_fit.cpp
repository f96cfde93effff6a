#include "tangram/compare/component_fit.hpp"

#include "tangram/support/blas.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

/// Rows that are folded into R at once.
constexpr Index rows_at_once = 4096;

/// Column `k` of the triangular R.
std::vector<double> column(const Matrix<double>& R, Index k) {
    std::vector<double> values(at(R.rows()), 0);
    for (Index i = 0; i <= k; ++i) values[at(i)] = R(i, k);
    return values;
}

double norm(const std::vector<double>& v) {
    double square = 0;
    for (const double x : v) square += x * x;
    return std::sqrt(square);
}

/// R_A v
std::vector<double> combined(const Matrix<double>& R, const std::vector<double>& v) {
    std::vector<double> sum(at(R.rows()), 0);
    for (std::size_t k = 0; k < v.size(); ++k) {
        if (v[k] == 0) continue;
        for (Index i = 0; i <= static_cast<Index>(k); ++i) sum[at(i)] += v[k] * R(i, static_cast<Index>(k));
    }
    return sum;
}

}  // namespace

RunningFactor::RunningFactor(Index columns) : rows_(columns + rows_at_once, columns), used_(columns) {}

void RunningFactor::add_row(std::span<const double> row) {
    if (used_ == rows_.rows()) fold();
    std::copy(row.begin(), row.end(), rows_.view().row(used_++));
}

void RunningFactor::fold() {
    blas::upper_factor(rows_.view().row_block(0, used_));
    used_ = rows_.cols();
}

Matrix<double> RunningFactor::of_all(const mpi::Communicator& world) {
    fold();
    const Index columns = rows_.cols();
    const std::vector<double> mine(rows_.data(), rows_.data() + columns * columns);
    std::vector<double> all = mpi::broadcast(world, mpi::gather(world, std::span<const double>(mine)));
    Matrix<double> stacked(columns * world.size(), columns);
    std::copy(all.begin(), all.end(), stacked.data());
    blas::upper_factor(stacked.view());
    Matrix<double> R(columns, columns);
    std::copy_n(stacked.data(), R.size(), R.data());
    return R;
}

Fit fit(const Matrix<double>& factor, double entries, const std::vector<std::vector<double>>& basis,
        const std::vector<double>& fixed) {
    // The small problem R_A B c = r_y - R_A f, by the factor of [R_A B | r_y - R_A f] with columns of length one.
    const auto h = static_cast<Index>(basis.size());
    const Index p = factor.rows();
    Matrix<double> small(std::max(p, h + 1), h + 1);
    std::vector<double> lengths(at(h), 1);
    for (Index k = 0; k < h; ++k) {
        const std::vector<double> v = combined(factor, basis[at(k)]);
        lengths[at(k)] = norm(v) > 0 ? norm(v) : 1;
        for (Index i = 0; i < p; ++i) small(i, k) = v[at(i)] / lengths[at(k)];
    }
    const std::vector<double> y = column(factor, p - 1);
    const std::vector<double> f = combined(factor, fixed);
    for (Index i = 0; i < p; ++i) small(i, h) = y[at(i)] - f[at(i)];
    blas::upper_factor(small.view());

    Fit result;
    result.residual = std::abs(small(h, h)) / std::sqrt(entries);
    result.coefficients.assign(at(h), 0);
    result.uncertainties.assign(at(h), std::numeric_limits<double>::infinity());
    // Back substitution; row k of R^-1 gives the uncertainty of coefficient k.
    Matrix<double> inverse(h, h);
    for (Index k = h - 1; k >= 0; --k) {
        if (small(k, k) == 0) continue;
        double sum = small(k, h);
        for (Index j = k + 1; j < h; ++j) sum -= small(k, j) * result.coefficients[at(j)] * lengths[at(j)];
        result.coefficients[at(k)] = sum / small(k, k) / lengths[at(k)];
        inverse(k, k) = 1 / small(k, k);
        for (Index j = k + 1; j < h; ++j) {
            double entry = 0;
            for (Index i = k + 1; i <= j; ++i) entry -= small(k, i) * inverse(i, j);
            inverse(k, j) = entry / small(k, k);
        }
        double square = 0;
        for (Index j = k; j < h; ++j) square += inverse(k, j) * inverse(k, j);
        result.uncertainties[at(k)] = std::sqrt(square * entries) / lengths[at(k)];
    }
    return result;
}

double column_norm(const Matrix<double>& factor, Index k) {
    return norm(column(factor, k));
}

double sine_between(const Matrix<double>& factor, Index j, Index k) {
    const std::vector<double> a = column(factor, j);
    std::vector<double> b = column(factor, k);
    const double length_a = norm(a);
    const double length_b = norm(b);
    if (length_a == 0 || length_b == 0) return 1;
    double product = 0;
    for (std::size_t i = 0; i < a.size(); ++i) product += a[i] / length_a * (b[i] / length_b);
    double square = 0;  // of what is left of b without its part along a
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double rest = b[i] / length_b - product * a[i] / length_a;
        square += rest * rest;
    }
    return std::sqrt(square);
}

}  // namespace tangram
