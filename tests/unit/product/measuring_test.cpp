// Sums of blocks that come by, against the definitions in extended precision; of sizes and scales at the ends.

#include "tangram/product/drift.hpp"
#include "tangram/support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace tangram;

namespace {

using Exact = long double;

/// A symmetric matrix of entries about `size`, of which `part` is not constant.
Matrix<double> symmetric_matrix(Index n, double size, double part, std::uint64_t seed) {
    Matrix<double> K(n, n);
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j <= i; ++j)
            K(i, j) = K(j, i) =
                size * (1 + part * normal_number(stream_key(seed, at(i)), static_cast<std::uint64_t>(j), 1));
    }
    return K;
}

/// Three models of two tensors, as a joined network would bring them: the components, then the total.
struct Problem3 {
    std::vector<Matrix<double>> components;  ///< [model 2 + tensor]
    Shape shape;
    Measuring measuring;

    Problem3(Index n, Index tile, double size, double part, Precision precision = Precision::float64) {
        shape.axes = Axes::square({n, tile});
        shape.precision = precision;
        for (Index k = 0; k < 6; ++k) {
            components.push_back(symmetric_matrix(n, size, part, 10 + at(k)));
            shape.matrices.push_back({Role::component, "", "tensor", 1, k});
        }
        shape.matrices.push_back({Role::total, "", "ntk", 1, 0});
        measuring = make_measuring(shape, 3);
        std::vector<Index> totals;
        for (Index s = 0; s < 3; ++s) totals.push_back(add_sum("model", {1 + 2 * s, 2 + 2 * s}, measuring));
        follow(std::move(totals), measuring);
        for (Index t = 0; t < 2; ++t) follow({1 + t, 3 + t, 5 + t}, measuring);
    }
    [[nodiscard]] Matrix<double> total(Index s) const { return sum(at(2 * s), at(2 * s + 2)); }
    [[nodiscard]] Matrix<double> sum(std::size_t first, std::size_t last) const {
        Matrix<double> K(components[0].rows(), components[0].cols());
        for (std::size_t k = first; k < last; ++k) {
            for (Index e = 0; e < K.size(); ++e) K.data()[e] += components[k].data()[e];
        }
        return K;
    }
    /// Group g, model s.
    [[nodiscard]] Matrix<double> kernel(std::size_t g, Index s) const {
        return g == 0 ? total(s) : sum(at(2 * s) + g - 1, at(2 * s) + g);
    }
    /// All tiles, or those of one of several ranks.
    void take(MeasureSums& sums, Index rank = 0, Index ranks = 1) const {
        const MeasureScratch scratch(measuring);
        const AlignedBuffer<double> record(record_values(measuring)), kept(kept_values(measuring));
        const std::vector<Tile> tiles = shape.axes.all();
        for (std::size_t k = 0; k < tiles.size(); ++k) {
            if (static_cast<Index>(k) % ranks != rank) continue;
            const Tile tile = tiles[k];
            const Index row = shape.axes.row.begin(tile.row), column = shape.axes.column.begin(tile.column);
            for (Index m = 0; m < 7; ++m) {
                const Matrix<double> K = m == 6 ? sum(0, 6) : sum(at(m), at(m) + 1);
                const ConstMatrixView<double> block = K.view().block(
                    row, column, shape.axes.row.size(tile.row), shape.axes.column.size(tile.column));
                measure(measuring, FinishedPlane<double>{m, tile, row, column, block}, kept.data(), scratch,
                        record.data());
                sums.take(m, tile, record.data());
            }
        }
    }
};

std::vector<Exact> centred(const Matrix<double>& K) {
    const Index n = K.rows();
    std::vector<Exact> rows(at(n)), H(at(n * n));
    Exact mean = 0;
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j) rows[at(i)] += static_cast<Exact>(K(i, j)) / static_cast<Exact>(n);
        mean += rows[at(i)] / static_cast<Exact>(n);
    }
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j)
            H[at(i * n + j)] = static_cast<Exact>(K(i, j)) - rows[at(i)] - rows[at(j)] + mean;
    }
    return H;
}

Exact inner(const std::vector<Exact>& a, const std::vector<Exact>& b) {
    Exact sum = 0;
    for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
    return sum;
}

double cka(const Matrix<double>& K, const Matrix<double>& L) {
    const std::vector<Exact> A = centred(K), B = centred(L);
    return static_cast<double>(inner(A, B) / std::sqrt(inner(A, A)) / std::sqrt(inner(B, B)));
}

/// |K - L| / |L|
double change(const Matrix<double>& K, const Matrix<double>& L) {
    Exact difference = 0, size = 0;
    for (Index e = 0; e < K.size(); ++e) {
        const Exact l = L.data()[e], d = static_cast<Exact>(K.data()[e]) - l;
        difference += d * d;
        size += l * l;
    }
    return static_cast<double>(std::sqrt(difference) / std::sqrt(size));
}

/// The largest error of CKA and of changes.
double worst_error(const Problem3& problem, const std::vector<KernelDrift>& drifts) {
    double worst = 0;
    for (std::size_t g = 0; g < drifts.size(); ++g) {
        for (Index s = 0; s < 3; ++s) {
            for (Index t = 0; t < 3; ++t)
                worst = std::max(worst, std::abs(drifts[g].group.cka(s, t) -
                                                 cka(problem.kernel(g, s), problem.kernel(g, t))));
            const double first = change(problem.kernel(g, s), problem.kernel(g, 0));
            worst = std::max(worst, std::abs(drifts[g].change_from_first[at(s)] - first));
            if (s == 0) continue;
            const double previous = change(problem.kernel(g, s), problem.kernel(g, s - 1));
            worst = std::max(worst, std::abs(drifts[g].change_from_previous[at(s)] - previous));
        }
    }
    return worst;
}

}  // namespace

TEST_CASE("kernels of three models are compared as their definitions say, whatever their size and scale") {
    for (const auto& [n, tile] : {std::pair<Index, Index>{2, 5}, {7, 7}, {8, 7}, {23, 6}}) {
        for (const double size : {1.0, 1e-160, 1e150}) {
            CAPTURE(n);
            CAPTURE(size);
            const Problem3 problem(n, tile, size, 1);
            MeasureSums sums(problem.measuring);
            problem.take(sums);
            CHECK(worst_error(problem, kernel_drifts(sums)) < 1e-13);
        }
    }
}

TEST_CASE("a kernel that is nearly constant keeps the digits of its entries when it is centred") {
    const Problem3 problem(23, 6, 3, 1e-5);
    MeasureSums sums(problem.measuring);
    problem.take(sums);
    CHECK(worst_error(problem, kernel_drifts(sums)) < 1e-10);
}

TEST_CASE("of one sample nothing is left when it is centred, and what is divided by it is no number") {
    const Problem3 problem(1, 4, 2, 1);
    MeasureSums sums(problem.measuring);
    problem.take(sums);
    for (const KernelDrift& drift : kernel_drifts(sums)) {
        CHECK(std::isnan(drift.group.cka(0, 1)));
        CHECK(drift.centred_is_zero[0]);
        CHECK(drift.distance(0, 1) == doctest::Approx(0));
    }
}

TEST_CASE("sums of two ranks' tiles, one as bytes, are those of all, and no tile counts twice") {
    const Problem3 problem(23, 6, 1, 1);
    MeasureSums all(problem.measuring), one(problem.measuring), other(problem.measuring);
    problem.take(all);
    problem.take(one, 0, 2);
    problem.take(other, 1, 2);
    REQUIRE(one.adopt(other.to_bytes()));
    CHECK_FALSE(one.adopt(other.to_bytes()));
    problem.take(one, 1, 2);  // again: already in
    const std::vector<KernelDrift> a = kernel_drifts(all), b = kernel_drifts(one);
    for (std::size_t g = 0; g < a.size(); ++g) {
        for (Index s = 0; s < 3; ++s) {
            CHECK(a[g].frobenius[at(s)] == doctest::Approx(b[g].frobenius[at(s)]).epsilon(1e-15));
            CHECK(std::abs(a[g].group.cka(0, s) - b[g].group.cka(0, s)) < 1e-15);
        }
    }
}

TEST_CASE("a quotient of double-doubles has the digits of both parts") {
    const DoubleDouble third = quotient_of({1, 0}, 3);
    CHECK(third.hi == 1.0 / 3);
    CHECK(std::abs(static_cast<Exact>(third.hi) + static_cast<Exact>(third.lo) - Exact{1} / 3) < 1e-19L);
    CHECK(product_of(third, {3, 0}).value() == 1);
}
