#include "tangram/spectrum/target_facts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// (rows, columns) of the same numbers.
Matrix<double> reshaped(const Matrix<double>& matrix, Index rows) {
    Matrix<double> other(rows, matrix.size() / rows);
    std::copy_n(matrix.data(), matrix.size(), other.data());
    return other;
}

void append(const Matrix<double>& part, Matrix<double>& whole, Index& column) {
    for (Index i = 0; i < part.rows(); ++i)
        std::copy_n(part.view().row(i), part.cols(), whole.view().row(i) + column);
    column += part.cols();
}

Matrix<double> cut(const Matrix<double>& whole, Index columns, Index& column) {
    Matrix<double> part(whole.rows(), columns);
    for (Index i = 0; i < part.rows(); ++i)
        std::copy_n(whole.view().row(i) + column, columns, part.view().row(i));
    column += columns;
    return part;
}

/// sum_k lambda_k^power a_ki b_kj
double weighted_product(const std::vector<double>& values, int power, const Matrix<double>& A, Index i,
                        Index j) {
    double sum = 0;
    for (Index k = 0; k < A.rows(); ++k) sum += std::pow(values[at(k)], power) * A(k, i) * A(k, j);
    return sum;
}

/// |X^T X|_F
double norm_of_gram(const Matrix<double>& X) {
    double squares = 0;
    for (Index a = 0; a < X.cols(); ++a) {
        for (Index b = 0; b < X.cols(); ++b) {
            double sum = 0;
            for (Index i = 0; i < X.rows(); ++i) sum += X(i, a) * X(i, b);
            squares += sum * sum;
        }
    }
    return std::sqrt(squares);
}

/// sum_c X_c^T K X_c of projected columns.
double quadratic(const std::vector<double>& values, const Matrix<double>& projected) {
    double sum = 0;
    for (Index c = 0; c < projected.cols(); ++c) sum += weighted_product(values, 1, projected, c, c);
    return sum;
}

double ratio(double above, double below) {
    return below > 0 ? above / below : nan;
}

/// |H K H|_F^2 = |K|^2 - 2 |K U|^2 + |U^T K U|^2
double centred_norm(const std::vector<double>& values, const Matrix<double>& U) {
    double square = 0;
    for (const double value : values) square += value * value;
    for (Index c = 0; c < U.cols(); ++c) {
        square -= 2 * weighted_product(values, 2, U, c, c);
        for (Index d = 0; d < U.cols(); ++d) {
            const double product = weighted_product(values, 1, U, c, d);
            square += product * product;
        }
    }
    return std::sqrt(std::max(square, 0.0));
}

void add_power(TargetFacts& facts) {
    const Matrix<double>& P = facts.projections;
    facts.cumulative_power = Matrix<double>(P.rows(), P.cols());
    for (Index c = 0; c < P.cols(); ++c) {
        double total = 0;
        for (Index k = 0; k < P.rows(); ++k) total += P(k, c) * P(k, c);
        double sum = 0;
        Index needed[] = {P.rows(), P.rows()};
        for (Index k = P.rows() - 1; k >= 0; --k) {
            sum += P(k, c) * P(k, c);
            facts.cumulative_power(k, c) = ratio(sum, total);
            const Index used = P.rows() - k;
            if (facts.cumulative_power(k, c) >= 0.90) needed[0] = std::min(needed[0], used);
            if (facts.cumulative_power(k, c) >= 0.99) needed[1] = std::min(needed[1], used);
        }
        facts.needed_for_90.push_back(needed[0]);
        facts.needed_for_99.push_back(needed[1]);
    }
}

void add_gcv(const std::vector<double>& values, double noise, TargetFacts& facts) {
    constexpr int count = 41;
    const double largest = values.back();
    if (!(largest > 0)) return;
    const double least = std::min(largest, std::max(noise, 1e-10 * largest));
    const auto n = static_cast<double>(values.size());
    for (int k = 0; k < count; ++k) {
        const double part = static_cast<double>(k) / (count - 1);
        const double ridge = std::exp(std::log(least) * (1 - part) + std::log(largest) * part);
        double squares = 0;
        double trace = 0;
        for (std::size_t j = 0; j < values.size(); ++j) {
            const double inverse = largest / (values[j] + ridge);  // in units of the largest
            trace += inverse;
            for (Index c = 0; c < facts.projections.cols(); ++c) {
                const double share = inverse * facts.projections(static_cast<Index>(j), c);
                squares += share * share;
            }
        }
        facts.ridges.push_back(ridge);
        facts.gcv.push_back(values.front() + ridge > 0 ? squares / n / (trace / n * (trace / n)) : nan);
    }
}

}  // namespace

TargetColumns target_columns(const Matrix<double>& targets, const Matrix<double>& alignment, Index unit) {
    const Index N = targets.rows();
    const Index C = targets.cols();
    Matrix<double> centred = reshaped(alignment, N);
    for (Index c = 0; c < C; ++c) {
        double mean = 0;
        for (Index i = 0; i < N; ++i) mean += alignment(i, c) / static_cast<double>(N);
        for (Index i = 0; i < N; ++i) centred(i, c) -= mean;
    }
    TargetColumns columns;
    columns.targets = reshaped(targets, N * unit);
    columns.alignment = reshaped(alignment, N * unit);
    columns.centred = reshaped(centred, N * unit);
    columns.means = Matrix<double>(N * unit, unit);
    for (Index i = 0; i < N * unit; ++i) columns.means(i, i % unit) = 1 / std::sqrt(static_cast<double>(N));
    return columns;
}

Matrix<double> joined(const TargetColumns& c) {
    Matrix<double> whole(c.targets.rows(),
                         c.targets.cols() + c.alignment.cols() + c.centred.cols() + c.means.cols());
    Index column = 0;
    for (const Matrix<double>* part : {&c.targets, &c.alignment, &c.centred, &c.means})
        append(*part, whole, column);
    return whole;
}

TargetColumns parted(const Matrix<double>& whole, const TargetColumns& like) {
    Index column = 0;
    TargetColumns columns;
    columns.targets = cut(whole, like.targets.cols(), column);
    columns.alignment = cut(whole, like.alignment.cols(), column);
    columns.centred = cut(whole, like.centred.cols(), column);
    columns.means = cut(whole, like.means.cols(), column);
    return columns;
}

TargetFacts describe_targets(const std::vector<double>& given, const TargetColumns& projected,
                             const TargetColumns& columns, double noise) {
    TargetFacts facts;
    facts.projections = reshaped(projected.targets, projected.targets.rows());
    add_power(facts);
    add_gcv(given, noise, facts);
    // Alignments are those of any multiple of K: of the one whose largest eigenvalue is 1.
    std::vector<double> values = given;
    const double size = std::max(std::abs(values.front()), std::abs(values.back()));
    for (double& value : values) value = size > 0 ? value / size : 0;
    double square = 0;
    for (const double value : values) square += value * value;
    const double norm = std::sqrt(square);
    facts.alignment = ratio(quadratic(values, projected.alignment), norm * norm_of_gram(columns.alignment));
    facts.centred_alignment = ratio(quadratic(values, projected.centred),
                                    centred_norm(values, projected.means) * norm_of_gram(columns.centred));
    for (Index c = 0; c < columns.alignment.cols(); ++c) {
        double own = 0;
        for (Index i = 0; i < columns.alignment.rows(); ++i)
            own += columns.alignment(i, c) * columns.alignment(i, c);
        facts.alignments.push_back(ratio(weighted_product(values, 1, projected.alignment, c, c), norm * own));
    }
    return facts;
}

}  // namespace tangram
