#include "tangram/product/measures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

int exponent_of(double value) {
    int exponent = 0;
    std::frexp(value, &exponent);
    return exponent;
}

/// Sums of one kernel in units of about its largest entry, so that products of them are numbers.
struct Scaled {
    int exponent;                        ///< K = 2^exponent of these units
    std::vector<DoubleDouble> row_sums;  ///< k (rows, R)
    std::vector<DoubleDouble> sums;      ///< s (R, R)
};

Scaled scaled(const MatrixSums& sums, Index R, bool without_own) {
    Scaled s{exponent_of(sums.largest), {}, std::vector<DoubleDouble>(at(R * R))};
    for (std::size_t k = 0; k < sums.row_sums.size(); ++k) {
        DoubleDouble sum = sums.row_sums[k];
        if (without_own) sum.add(-sums.own[k]);
        sum = sum.times_power(-s.exponent);
        s.row_sums.push_back(sum);
        s.sums[k % at(R * R)].add(sum);
    }
    return s;
}

/// Adds times <a, b> / n to the sum; returns that as it then is.
double add_inner(const std::vector<DoubleDouble>& a, const std::vector<DoubleDouble>& b, double times,
                 double n, DoubleDouble& sum) {
    DoubleDouble all;
    for (std::size_t k = 0; k < a.size(); ++k) all.add(product_of(a[k], b[k]));
    sum.add(quotient_of(product_of(all, {times, 0}), n));
    return sum.value();
}

/// What is common to all measures of a run.
struct Formulas {
    const MeasureSums& sums;
    const Measuring& m = sums.measuring();
    Index R = m.rows_each();
    Index N = m.shape.axes.row.extent;
    bool symmetric = m.shape.axes.symmetric;

    /// In units of 2^(a.exponent + b.exponent).
    [[nodiscard]] double centred(const ScaledSum& plain, const Scaled& a, const Scaled& b) const {
        DoubleDouble sum = units(plain, a.exponent + b.exponent);
        const auto n = static_cast<double>(N);
        add_inner(a.row_sums, b.row_sums, -2, n, sum);
        return add_inner(a.sums, b.sums, 1, n * n, sum);
    }
    static DoubleDouble units(const ScaledSum& sum, int exponent) {
        return sum.exponent == ScaledSum::empty ? DoubleDouble{}
                                                : sum.sum.times_power(sum.exponent - exponent);
    }
    /// <K', L'> and the rest, from sums without a sample with itself.
    [[nodiscard]] double debiased(const ScaledSum& plain, Index first, Index second, const Scaled& a,
                                  const Scaled& b) const {
        if (N < 4) return nan;
        const auto n = static_cast<double>(N);
        DoubleDouble sum = units(plain, a.exponent + b.exponent);
        const std::vector<double>& x = sums.of(first).own;
        const std::vector<double>& y = sums.of(second).own;
        for (std::size_t k = 0; k < x.size(); ++k) {
            const DoubleDouble own =
                product_of({std::ldexp(x[k], -a.exponent), 0}, {std::ldexp(y[k], -b.exponent), 0});
            sum.add({-own.hi, -own.lo});
        }
        add_inner(a.sums, b.sums, 1, (n - 1) * (n - 2), sum);
        return add_inner(a.row_sums, b.row_sums, -2, n - 2, sum) / (n * (n - 3));
    }
    /// |H K H|^2, zero where it is that within rounding.
    [[nodiscard]] double centred_square(const ScaledSum& squares, const Scaled& a) const {
        const double square = centred(squares, a, a), plain = units(squares, 2 * a.exponent).value();
        const double limit = zero_centred_norm(m.shape.precision);
        return square > limit * limit * plain ? square : 0;
    }
};

double cosine(double product, double square, double other) {
    return square > 0 && other > 0 ? product / (std::sqrt(square) * std::sqrt(other)) : nan;
}

std::vector<double> class_means(const Formulas& f, const MatrixSums& sums) {
    const MeasuredClasses& classes = f.m.classes;
    std::vector<double> rows(at(classes.of_rows)), columns(at(classes.of_columns)), own(rows.size());
    for (const Index c : classes.rows) ++rows[at(c)];
    for (const Index c : classes.columns) ++columns[at(c)];
    for (Index i = 0; f.symmetric && i < f.N * f.R; ++i)
        own[at(classes.rows[at(i / f.R)])] += sums.own[at(i * f.R + i % f.R)];
    std::vector<double> means;
    for (std::size_t a = 0; a < rows.size(); ++a) {
        for (std::size_t b = 0; b < columns.size(); ++b) {
            const bool of_itself = f.symmetric && a == b;
            DoubleDouble sum = sums.classes[a * columns.size() + b];
            if (of_itself) sum.add(-own[a]);
            const double pairs = rows[a] * (columns[b] - (of_itself ? 1 : 0));
            means.push_back(pairs > 0 ? sum.value() / pairs / static_cast<double>(f.R) : nan);
        }
    }
    return means;
}

KernelMeasures measures_of(const Formulas& f, Index place) {
    const MatrixSums& sums = f.sums.of(place);
    KernelMeasures k;
    k.name = f.m.names[at(place)];
    k.largest = sums.largest;
    const Scaled own = scaled(sums, f.R, false);
    k.frobenius =
        std::ldexp(std::sqrt(Formulas::units(sums.squares, 2 * own.exponent).value()), own.exponent);
    DoubleDouble all;
    for (std::size_t i = 0; i < sums.row_sums.size() / at(f.R); ++i) {
        DoubleDouble row;
        for (std::size_t s = 0; s < at(f.R); ++s) row.add(sums.row_sums[i * at(f.R) + s]);
        k.row_sums.push_back(row.value());
        all.add(row.times_power(-own.exponent));
    }
    const Shape& shape = f.m.shape;
    k.mean = std::ldexp(all.value() / (static_cast<double>(shape.rows(shape.total())) *
                                       static_cast<double>(shape.columns(shape.total()))),
                        own.exponent);
    if (f.m.classes.of_columns > 1) k.class_means = class_means(f, sums);
    if (f.symmetric) {
        DoubleDouble trace;
        for (Index i = 0; i < f.N * f.R; ++i) {
            k.diagonal.push_back(sums.own[at(i * f.R + i % f.R)]);
            trace.add(k.diagonal.back());
        }
        k.trace = trace.value();
        k.centred_is_zero = f.centred_square(sums.squares, own) == 0;
    }
    if (!f.m.targets) return k;
    const MatrixSums& targets = f.sums.of(f.m.matrices());
    const Scaled T = scaled(targets, f.R, false);
    const int units = own.exponent + T.exponent;
    k.alignment = cosine(Formulas::units(sums.aligned, units).value(),
                         Formulas::units(sums.squares, 2 * own.exponent).value(),
                         Formulas::units(targets.squares, 2 * T.exponent).value());
    if (f.symmetric)
        k.centred_alignment = cosine(f.centred(sums.aligned, own, T), f.centred_square(sums.squares, own),
                                     f.centred_square(targets.squares, T));
    return k;
}

}  // namespace

double zero_centred_norm(Precision precision) {
    return precision == Precision::float32 ? 1e-5 : 1e-6;
}

std::vector<KernelMeasures> kernel_measures(const MeasureSums& sums) {
    const Formulas f{sums};
    std::vector<KernelMeasures> all;
    for (Index place = 0; place < f.m.measured(); ++place) all.push_back(measures_of(f, place));
    if (!f.m.targets) return all;
    KernelMeasures& targets = all.back();  // of Y 2^exponent
    const int exponent = -2 * f.m.targets->exponent;
    for (double* value : {&targets.trace, &targets.frobenius, &targets.mean, &targets.largest})
        *value = std::ldexp(*value, exponent);
    for (std::vector<double>* values : {&targets.row_sums, &targets.diagonal, &targets.class_means}) {
        for (double& value : *values) value = std::ldexp(value, exponent);
    }
    return all;
}

GroupMeasures group_measures(const MeasureSums& sums, std::size_t which) {
    const Formulas f{sums};
    const std::vector<Index>& group = f.m.groups[which];
    const auto count = static_cast<Index>(group.size());
    std::size_t first = 0;
    for (std::size_t g = 0; g < which; ++g) first += f.m.groups[g].size() * (f.m.groups[g].size() + 1) / 2;
    std::vector<Scaled> all, without_own;
    std::vector<double> squares;
    for (Index a = 0; a < count; ++a) {
        const MatrixSums& of = sums.of(group[at(a)]);
        all.push_back(scaled(of, f.R, false));
        if (f.symmetric) without_own.push_back(scaled(of, f.R, true));
        squares.push_back(
            f.symmetric ? f.centred_square(sums.grams()[first + at(a * (a + 1) / 2 + a)], all.back()) : nan);
    }
    GroupMeasures out{Matrix<double>(count, count), Matrix<double>(count, count),
                      Matrix<double>(count, count), Matrix<double>(count, count)};
    for (Index a = 0; a < count; ++a) {
        for (Index b = 0; b <= a; ++b) {
            const ScaledSum& plain = sums.grams()[first + at(a * (a + 1) / 2 + b)];
            const Scaled& x = all[at(a)];
            const Scaled& y = all[at(b)];
            const int of_targets = f.m.targets ? 2 * f.m.targets->exponent *
                                                     ((group[at(a)] == f.m.matrices() ? 1 : 0) +
                                                      (group[at(b)] == f.m.matrices() ? 1 : 0))
                                               : 0;
            const int units = x.exponent + y.exponent - of_targets;
            const auto set = [&](Matrix<double>& matrix, double value) {
                matrix(a, b) = matrix(b, a) = value;
            };
            set(out.gram, std::ldexp(Formulas::units(plain, x.exponent + y.exponent).value(), units));
            const bool is_constant = squares[at(a)] == 0 || squares[at(b)] == 0;
            const double centred = !f.symmetric ? nan : is_constant ? 0 : f.centred(plain, x, y);
            const bool is_square = a == b;
            set(out.centred_gram, std::ldexp(is_square ? squares[at(a)] : centred, units));
            set(out.cka,
                is_square && squares[at(a)] > 0 ? 1 : cosine(centred, squares[at(a)], squares[at(b)]));
            set(out.debiased_gram, f.symmetric
                                       ? std::ldexp(f.debiased(plain, group[at(a)], group[at(b)],
                                                               without_own[at(a)], without_own[at(b)]),
                                                    units)
                                       : nan);
        }
    }
    return out;
}

std::vector<double> difference_norms(const MeasureSums& sums) {
    std::vector<double> norms;
    for (const ScaledSum& square : sums.differences()) {
        const int half = square.exponent == ScaledSum::empty ? 0 : square.exponent / 2;
        norms.push_back(std::ldexp(std::sqrt(Formulas::units(square, 2 * half).value()), half));
    }
    return norms;
}

}  // namespace tangram
