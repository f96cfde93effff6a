#include "tangram/compare/component_fit.hpp"

#include "tangram/compare/recognition.hpp"
#include "tangram/support/random.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

using namespace tangram;

namespace {

constexpr std::size_t rows = 9000;

/// Row i: three columns of very different size, and y = 0.5 a - 2 b + 1e-4 c, or with a remainder of `noise`.
std::array<double, 4> row(std::size_t i, double noise) {
    const auto number = [&](std::uint64_t stream) { return normal_number(stream_key(3, stream), i, 1.0); };
    const double a = number(0);
    const double b = 1e-6 * number(1);
    const double c = 1e5 * number(2);
    return {a, b, c, 0.5 * a - 2 * b + 1e-4 * c + noise * number(3)};
}

/// Collective. The factor of all rows, each added by one rank.
Matrix<double> factor_of_rows(double noise) {
    const auto world = mpi::Communicator::world();
    RunningFactor factor(4);
    for (auto i = at(world.rank()); i < rows; i += at(world.size())) factor.add_row(row(i, noise));
    return factor.of_all(world);
}

const std::vector<std::vector<double>> each{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
const std::vector<double> nothing{0, 0, 0};

}  // namespace

TEST_CASE("weights of columns of any size are found, whatever rank had which rows") {
    const Matrix<double> R = factor_of_rows(0);
    const Fit found = fit(R, rows, each, nothing);
    CHECK(found.coefficients[0] == doctest::Approx(0.5).epsilon(1e-9));
    CHECK(found.coefficients[1] == doctest::Approx(-2).epsilon(1e-6));
    CHECK(found.coefficients[2] == doctest::Approx(1e-4).epsilon(1e-12));
    CHECK(found.residual < 1e-12);
    const Fit fixed = fit(R, rows, {{0, 1, 0}}, {0.5, 0, 1e-4});
    CHECK(fixed.coefficients[0] == doctest::Approx(-2).epsilon(1e-6));
    CHECK(fit(R, rows, {}, {0.5, 0, 1e-4}).residual == doctest::Approx(2e-6).epsilon(0.05));
}

TEST_CASE("a residual is measured, and weights lie within their uncertainties") {
    const double noise = 1e-3;
    const Fit found = fit(factor_of_rows(noise), rows, each, nothing);
    CHECK(found.residual == doctest::Approx(noise).epsilon(0.05));
    const std::array<double, 3> truth{0.5, -2, 1e-4};
    for (std::size_t k = 0; k < 3; ++k)
        CHECK(std::abs(found.coefficients[k] - truth[k]) < found.uncertainties[k] * found.residual);
}

TEST_CASE("angles between columns are found where they are tiny") {
    const auto world = mpi::Communicator::world();
    RunningFactor factor(3);
    for (auto i = at(world.rank()); i < rows; i += at(world.size())) {
        const double a = normal_number(stream_key(5, 0), i, 1.0);
        factor.add_row(std::array{a, 3 * a + 3e-6 * normal_number(stream_key(5, 1), i, 1.0), 0.0});
    }
    const Matrix<double> R = factor.of_all(world);
    CHECK(sine_between(R, 0, 1) == doctest::Approx(1e-6).epsilon(0.05));
    CHECK(column_norm(R, 2) == 0);
}

TEST_CASE("factors are recognised by the quantities of the network, others are not") {
    KernelFacts facts;
    facts.outputs = 10;
    facts.samples = 1797;
    const ComponentFacts weight{"fc1.weight", false, 784, 100, 1, false};
    CHECK(name_of_component_factor(1.0 / 784, 1e-7, facts, weight) == " = 1/fan_in (fan_in = 784)");
    CHECK(name_of_component_factor(1.0 / 28, 1e-7, facts, weight) == " = 1/sqrt(fan_in) (fan_in = 784)");
    CHECK(name_of_component_factor(0.1, 1e-7, facts, weight) ==
          " = 1/C = 1/sqrt(fan_out) (C = 10, fan_out = 100)");
    CHECK(name_of_component_factor(0.5, 1e-7, facts, weight) == " = 1/2");
    CHECK(name_of_component_factor(0.3, 1e-7, facts, weight).empty());
    CHECK_MESSAGE(name_of_component_factor(0.1001, 0.05, facts, weight).empty(),
                  "known too badly for a name");
    CHECK(name_of_total_factor(1.0 / 1797, 1e-7, facts) == " = 1/N (N = 1797)");
}

TEST_CASE("numbers are printed in plain decimals with seven digits") {
    CHECK(plain(0.1) == "0.1000000");
    CHECK(plain(0.99999999) == "1.000000");
    CHECK(plain(-106.2404) == "-106.2404");
    CHECK(plain(12345678) == "12345678");
    CHECK(plain(2.186885e-7) == "0.0000002186885");
    CHECK(plain(-4.789454e-16) == "-4.789454e-16");
    CHECK(plain(0) == "0.00000");
}
