#include "tangram/regression/left_out_check.hpp"

#include "tangram/support/error_measures.hpp"
#include "tangram/support/sample_choice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

constexpr Index left_out_samples = 3;
constexpr double wanted = 1e-15;  ///< of the residual, which stagnates before it where A is badly conditioned
constexpr Index fewest_steps = 30;

/// Systems side by side, one a column, each without the rows of one sample.
struct Systems {
    const RidgeSolver& solver;
    Index ridge = 0;
    Index unit = 1;
    Index sides = 1;
    std::vector<std::int64_t> samples;  ///< column j is without samples[j / sides]

    void mask(Matrix<double>& X) const {
        for (Index j = 0; j < X.cols(); ++j) {
            const Index first = samples[at(j / sides)] * unit;
            for (Index i = first; i < first + unit; ++i) X(i, j) = 0;
        }
    }
    [[nodiscard]] Matrix<double> multiply(const Matrix<double>& X) const {
        Matrix<double> Y = solver.multiply(X.view());
        for (Index k = 0; k < Y.size(); ++k) Y.data()[k] += solver.ridges[at(ridge)] * X.data()[k];
        return Y;
    }
    [[nodiscard]] Matrix<double> precondition(const Matrix<double>& X) const {
        Matrix<double> Y = solver.solve(ridge, X.view());
        mask(Y);
        return Y;
    }
};

std::vector<double> column_products(const Matrix<double>& X, const Matrix<double>& Y) {
    std::vector<double> sums(at(X.cols()), 0);
    for (Index i = 0; i < X.rows(); ++i) {
        for (Index j = 0; j < X.cols(); ++j) sums[at(j)] += X(i, j) * Y(i, j);
    }
    return sums;
}

/// X += factor_j Y, column by column.
void add(Matrix<double>& X, const std::vector<double>& factors, const Matrix<double>& Y) {
    for (Index i = 0; i < X.rows(); ++i) {
        for (Index j = 0; j < X.cols(); ++j) X(i, j) += factors[at(j)] * Y(i, j);
    }
}

Matrix<double> copy_of(const Matrix<double>& X) {
    Matrix<double> Y(X.rows(), X.cols());
    std::copy_n(X.data(), X.size(), Y.data());
    return Y;
}

/// X of A X = B, all columns masked; the relative residual of the worst column.
double solve(const Systems& systems, const Matrix<double>& B, Matrix<double>& X) {
    X = Matrix<double>(B.rows(), B.cols());
    Matrix<double> rest = copy_of(B);
    Matrix<double> z = systems.precondition(rest);
    Matrix<double> direction = copy_of(z);
    std::vector<double> rho = column_products(rest, z);
    const std::vector<double> sizes = column_products(B, B);
    const Index steps = fewest_steps + 2 * systems.unit;
    double worst = 0;
    for (Index step = 0; step < steps; ++step) {
        const std::vector<double> left = column_products(rest, rest);
        worst = 0;
        for (std::size_t j = 0; j < left.size(); ++j)
            worst = worse(worst, sizes[j] > 0 ? std::sqrt(left[j] / sizes[j]) : 0);
        if (worst <= wanted) break;
        Matrix<double> product = systems.multiply(direction);
        systems.mask(product);
        const std::vector<double> curvature = column_products(direction, product);
        std::vector<double> forward(rho.size()), back(rho.size());
        for (std::size_t j = 0; j < rho.size(); ++j) {
            forward[j] = curvature[j] > 0 ? rho[j] / curvature[j] : 0;
            back[j] = -forward[j];
        }
        add(X, forward, direction);
        add(rest, back, product);
        z = systems.precondition(rest);
        const std::vector<double> next = column_products(rest, z);
        std::vector<double> keep(rho.size());
        for (std::size_t j = 0; j < rho.size(); ++j) keep[j] = rho[j] > 0 ? next[j] / rho[j] : 0;
        Matrix<double> turned = copy_of(z);
        add(turned, keep, direction);
        direction = std::move(turned);
        rho = next;
    }
    return worst;
}

}  // namespace

LeftOutCheck check_left_out(const RegressionProblem& problem, const RidgeSolver& solver, const Fits& fits,
                            Index k) {
    LeftOutCheck check;
    if (problem.samples() < 2) return check;
    check.samples = spread_check_samples(problem.samples(), left_out_samples);
    const auto count = static_cast<Index>(check.samples.size());
    const std::vector<std::int64_t> columns = spread_check_samples(
        problem.sides(), std::min(problem.sides(), most_left_out_columns / left_out_samples));
    const auto sides = std::ssize(columns);
    const Systems systems{solver, k, problem.unit, sides, check.samples};
    const Matrix<double> R = problem.residuals();
    // In units in which squares neither overflow nor vanish.
    const double size = largest_magnitude(R.view());
    const int exponent = size > 0 ? std::ilogb(size) : 0;
    Matrix<double> B(problem.rows(), count * sides);
    for (Index i = 0; i < B.rows(); ++i) {
        for (Index j = 0; j < B.cols(); ++j) B(i, j) = std::ldexp(R(i, columns[at(j % sides)]), -exponent);
    }
    systems.mask(B);
    Matrix<double> X;
    check.residual = solve(systems, B, X);
    const Matrix<double> predicted = solver.multiply(X.view());
    const Index C = problem.columns();
    check.predictions = Matrix<double>(count, C);
    std::fill_n(check.predictions.data(), check.predictions.size(), std::numeric_limits<double>::quiet_NaN());
    double largest = largest_magnitude(problem.targets.view());
    double off = 0;
    // Of one kernel the k-th prediction is that of the k-th column solved; of `full` that of row k of the sample.
    const Index each = problem.unit == 1 ? sides : C;
    for (Index s = 0; s < count; ++s) {
        const Index sample = check.samples[at(s)];
        for (Index place = 0; place < each; ++place) {
            const Index c = problem.unit == 1 ? columns[at(place)] : place;
            const double change = problem.unit == 1 ? predicted(sample, s * sides + place)
                                                    : predicted(sample * problem.unit + place, s);
            const double closed = fits.left_out(k, sample * C + c);
            check.predictions(s, c) = problem.prior(sample, c) + std::ldexp(change, exponent);
            largest = worse(largest, std::abs(check.predictions(s, c)));
            off = worse(off, std::abs(closed - check.predictions(s, c)));
        }
    }
    check.error = off == 0 ? 0 : off / largest;
    return check;
}

}  // namespace tangram
