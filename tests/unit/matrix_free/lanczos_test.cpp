// Lanczos quadrature, and the preconditioner, of diagonal matrices whose eigenvalues are known, shared out over the ranks.

#include "tangram/matrix_free/estimates.hpp"
#include "tangram/matrix_free/nystrom.hpp"
#include "tangram/support/random.hpp"
#include "tangram/support/small_eigen.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

using namespace tangram;

namespace {

/// This rank's part of the entries 0 .. n - 1: ranks may have none.
struct Diagonal {
    Diagonal(std::vector<double> all, const mpi::Communicator& world) : values(std::move(all)) {
        const auto n = static_cast<Index>(values.size());
        first = n * world.rank() / world.size();
        local = n * (world.rank() + 1) / world.size() - first;
    }
    [[nodiscard]] DistributedOperator as_operator() const {
        return {local, static_cast<Index>(values.size()),
                [this](std::span<const double> v, std::span<double> y) {
                    for (std::size_t i = 0; i < v.size(); ++i) y[i] = values[at(first) + i] * v[i];
                }};
    }
    std::vector<double> values;
    Index first = 0, local = 0;
};

std::vector<double> spread(Index n, double scale) {
    std::vector<double> values;
    for (Index k = 0; k < n; ++k) values.push_back(scale * std::pow(0.8, static_cast<double>(k)));
    return values;
}

}  // namespace

TEST_CASE(
    "a quadrature of m steps is exact for polynomials of degree 2 m - 1, of matrices of any size of entry") {
    const mpi::Communicator world = mpi::Communicator::world();
    for (const double scale : {1e-100, 1.0, 1e100}) {
        const Diagonal A(spread(30, scale), world);
        const std::vector<double> z(at(A.local), 1.0);
        const Quadrature found = lanczos_quadrature(world, A.as_operator(), z, 4);
        CHECK(found.nodes.size() == 4);
        CHECK(found.squared_length == doctest::Approx(30));
        for (const int degree : {0, 1, 2, 5, 7}) {
            double expected = 0;
            for (const double value : A.values) expected += std::pow(value / scale, degree);
            const double sum = found.of([&](double node) { return std::pow(node / scale, degree); });
            CHECK(std::abs(sum - expected) <= 1e-12 * expected);
        }
    }
}

TEST_CASE("a Krylov space that ends has no more nodes than eigenvalues that differ, and zero has one") {
    const mpi::Communicator world = mpi::Communicator::world();
    std::vector<double> values(40, 2.0);
    for (std::size_t k = 0; k < 10; ++k) values[k] = 5;
    const Diagonal A(values, world), zero(std::vector<double>(7, 0.0), world);
    const Quadrature found =
        lanczos_quadrature(world, A.as_operator(), std::vector<double>(at(A.local), 1.0), 20);
    REQUIRE(found.nodes.size() == 2);
    CHECK(found.nodes[0] == doctest::Approx(2));
    CHECK(found.nodes[1] == doctest::Approx(5));
    CHECK(found.weights[1] == doctest::Approx(0.25));
    const Quadrature nothing =
        lanczos_quadrature(world, zero.as_operator(), std::vector<double>(at(zero.local), 1.0), 5);
    CHECK(nothing.nodes == std::vector<double>{0.0});
}

TEST_CASE(
    "traces of functions of a diagonal matrix are exact, whatever the signs: all intervals are points") {
    const mpi::Communicator world = mpi::Communicator::world();
    const Diagonal A(spread(20, 3), world);
    EstimateRequest request{5, 20, 7, {0.5}, A.first};
    const Estimates found = estimate(world, A.as_operator(), request);
    double squares = 0, freedom = 0, log_determinant = 0;
    for (const double value : A.values) {
        squares += value * value;
        freedom += value / (value + 0.5);
        log_determinant += std::log(value + 0.5);
    }
    CHECK(found.squared_norm.mean == doctest::Approx(squares).epsilon(1e-10));
    CHECK(found.ridges[0].degrees_of_freedom.mean == doctest::Approx(freedom).epsilon(1e-10));
    CHECK(found.ridges[0].log_determinant.mean == doctest::Approx(log_determinant).epsilon(1e-10));
    CHECK(found.squared_norm.half_width <= 1e-9 * squares);
}

TEST_CASE("intervals are those of Student's distribution") {
    CHECK(interval_of({1, 3}).mean == 2);
    CHECK(interval_of({1, 3}).half_width == doctest::Approx(12.7062).epsilon(1e-5));
    CHECK(interval_of({1, 2, 3, 4, 5, 6}).half_width ==
          doctest::Approx(2.570582 * std::sqrt(3.5 / 6)).epsilon(1e-3));
    CHECK(std::isnan(interval_of({1}).half_width));
}

TEST_CASE(
    "the preconditioner of a matrix of low rank is its inverse on that rank, and leaves the rest alone") {
    const mpi::Communicator world = mpi::Communicator::world();
    for (const double scale : {1e-100, 1.0, 1e100}) {
        std::vector<double> values(50, 0.0);
        for (std::size_t k = 0; k < 6; ++k) values[7 * k] = scale * static_cast<double>(k + 1);
        const Diagonal A(values, world);
        const NystromPreconditioner P(world, A.as_operator(), 12, 3, A.first);
        REQUIRE(P.values().size() == 6);
        CHECK(P.values().front() == doctest::Approx(6 * scale));
        CHECK(P.values().back() == doctest::Approx(scale));
        const double ridge = 0.1 * scale;
        std::vector<double> r(at(A.local), 1.0), z(at(A.local));
        P.apply(ridge, r, z);
        for (std::size_t i = 0; i < z.size(); ++i) {
            const double value = values[at(A.first) + i];
            const double expected = value > 0 ? (scale + ridge) / (value + ridge) : 1;
            CHECK(z[i] == doctest::Approx(expected).epsilon(1e-9));
        }
    }
}

TEST_CASE("of a matrix of zeros the preconditioner is the identity") {
    const mpi::Communicator world = mpi::Communicator::world();
    const Diagonal zero(std::vector<double>(9, 0.0), world);
    const NystromPreconditioner P(world, zero.as_operator(), 4, 3, zero.first);
    std::vector<double> r(at(zero.local), 2.5), z(at(zero.local));
    P.apply(1e-3, r, z);
    CHECK(z == r);
}

namespace {

/// K = G G^T with eigenvalues over some decades.
struct Dense {
    explicit Dense(Index n) : K(n, n) {
        Matrix<double> G(n, n);
        for (Index i = 0; i < n; ++i) {
            for (Index k = 0; k < n; ++k)
                G(i, k) = normal_number(stream_key(5, at(i)), static_cast<std::uint64_t>(k), 1) *
                          std::pow(0.9, static_cast<double>(k));
        }
        for (Index i = 0; i < n; ++i) {
            for (Index j = 0; j < n; ++j) {
                for (Index k = 0; k < n; ++k) K(i, j) += G(i, k) * G(j, k);
            }
        }
    }
    [[nodiscard]] DistributedOperator as_operator() const {
        return {K.rows(), K.rows(), [this](std::span<const double> v, std::span<double> y) {
                    for (Index i = 0; i < K.rows(); ++i) {
                        y[at(i)] = 0;
                        for (Index j = 0; j < K.cols(); ++j) y[at(i)] += K(i, j) * v[at(j)];
                    }
                }};
    }
    Matrix<double> K;
};

}  // namespace

TEST_CASE("95 % intervals of estimates hold the truth in at least 88 of 100 seeds") {
    // Each rank for itself: hundreds of thousands of sums over ranks would take minutes.
    const mpi::Communicator all = mpi::Communicator::world();
    const mpi::Communicator world = all.split(all.rank(), 0);
    const Dense A(30);
    constexpr double ridge = 0.5;
    const SmallPairs pairs = small_eigenpairs(std::as_const(A.K).view());
    double trace = 0, squares = 0, freedom = 0, log_determinant = 0;
    for (const double value : pairs.values) {
        trace += value;
        squares += value * value;
        freedom += value / (value + ridge);
        log_determinant += std::log(value + ridge);
    }
    for (const Index vectors : {Index{6}, Index{16}}) {
        CAPTURE(vectors);
        int norms = 0, freedoms = 0, determinants = 0;
        for (std::uint64_t seed = 0; seed < 100; ++seed) {
            EstimateRequest request;
            request.vectors = vectors;
            request.steps = 30;
            request.seed = seed;
            request.ridges = {ridge};
            request.trace = trace;
            const Estimates found = estimate(world, A.as_operator(), request);
            const auto holds = [](const Estimate& estimate, double truth) {
                return std::abs(estimate.mean - truth) <= estimate.half_width ? 1 : 0;
            };
            norms += holds(found.squared_norm, squares);
            freedoms += holds(found.ridges[0].degrees_of_freedom, freedom);
            determinants += holds(found.ridges[0].log_determinant, log_determinant);
        }
        CHECK(norms >= 88);
        CHECK(freedoms >= 88);
        CHECK(determinants >= 88);
        CAPTURE(norms);
        // An interval that always holds the truth is too wide to say much.
        CHECK(norms + freedoms + determinants < 300);
    }
}
