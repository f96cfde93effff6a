#pragma once
// Sums that do not depend on their order, to far more digits than float64 has: an unevaluated sum of two float64 (Dekker, "A
// floating-point technique for extending the available precision", Numer. Math. 18, 1971), about 32 digits.
//
//   DoubleDouble   hi + lo, |lo| at most half a unit in the last place of hi
//   ScaledSum      (hi + lo) 2^exponent: terms of any size, such as squares of what is near the ends of float64

#include <cmath>
#include <limits>

namespace tangram {

struct DoubleDouble {
    double hi = 0, lo = 0;

    void add(double term) { add(DoubleDouble{term, 0}); }
    void add(DoubleDouble term) {
        // Knuth's two-sum of the upper parts; what it leaves goes to the lower ones.
        const double sum = hi + term.hi;
        const double part = sum - hi;
        const double rest = (hi - (sum - part)) + (term.hi - part) + lo + term.lo;
        hi = sum + rest;
        lo = rest - (hi - sum);
    }
    [[nodiscard]] double value() const { return hi + lo; }
    [[nodiscard]] DoubleDouble times_power(int exponent) const {
        return {std::ldexp(hi, exponent), std::ldexp(lo, exponent)};
    }
};

/// a b, to all digits that a sum of two float64 has.
inline DoubleDouble product_of(DoubleDouble a, DoubleDouble b) {
    const double upper = a.hi * b.hi;
    DoubleDouble product{upper, std::fma(a.hi, b.hi, -upper)};
    product.add(a.hi * b.lo + a.lo * b.hi);
    return product;
}

/// a / n, to all digits that a sum of two float64 has: 1 / n as one factor would leave it the digits of float64 alone.
inline DoubleDouble quotient_of(DoubleDouble a, double n) {
    const double upper = a.hi / n;
    DoubleDouble rest = product_of({upper, 0}, {-n, 0});
    rest.add(a);
    DoubleDouble quotient{upper, 0};
    quotient.add(rest.value() / n);
    return quotient;
}

struct ScaledSum {
    static constexpr int empty = std::numeric_limits<int>::min();
    DoubleDouble sum;
    int exponent = empty;

    /// Adds term 2^of_term.
    void add(DoubleDouble term, int of_term) {
        if (term.hi == 0) return;
        if (exponent == empty) exponent = of_term;
        if (of_term > exponent) {
            sum = sum.times_power(exponent - of_term);
            exponent = of_term;
        }
        sum.add(term.times_power(of_term - exponent));
    }
    void add(const ScaledSum& other) {
        if (other.exponent != empty) add(other.sum, other.exponent);
    }
    /// As float64, which may not hold it: infinity or zero.
    [[nodiscard]] double value() const { return exponent == empty ? 0 : std::ldexp(sum.value(), exponent); }
};

}  // namespace tangram
