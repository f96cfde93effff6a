#include "tangram/regression/fits.hpp"

#include "tangram/regression/choices.hpp"
#include "tangram/regression/same_network.hpp"
#include "tangram/support/error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

using namespace tangram;

namespace {

/// Two samples, one column, A = [[2, 1], [1, 2]]: A^-1 = [[2, -1], [-1, 2]] / 3.
RegressionProblem two_samples() {
    RegressionProblem problem;
    problem.targets = Matrix<double>(2, 1);
    problem.prior = Matrix<double>(2, 1);
    problem.targets(0, 0) = 3;
    problem.prior(1, 0) = -3;
    return problem;
}

InverseFacts facts_of_two(int exponent) {
    InverseFacts facts;
    facts.exponent = exponent;
    facts.alpha = Matrix<double>(2, 1);
    facts.alpha(0, 0) = facts.alpha(1, 0) = 1;  // A^-1 (3, 3)
    facts.blocks = Matrix<double>(2, 1);
    facts.blocks(0, 0) = facts.blocks(1, 0) = 2.0 / 3;
    facts.log_determinant = std::log(3.0);
    return facts;
}

}  // namespace

TEST_CASE("scores of two samples are those that one finds by hand, in any units") {
    const RegressionProblem problem = two_samples();
    for (const int exponent : {0, 40, -600}) {
        Fits fits = make_fits(problem, {1.0}, true);
        add_scores(problem, facts_of_two(exponent), 0.5, 0, fits);
        // r_0 without sample 0: K_01 / A_11 times R_1 = 1/2 * 3; f_0 = 0 + 1.5, f_1 = -3 + 1.5
        CHECK(fits.left_out(0, 0) == doctest::Approx(1.5));
        CHECK(fits.left_out(0, 1) == doctest::Approx(-1.5));
        CHECK(fits.gcv[0] == doctest::Approx((2.0 / 2) / (4.0 / 9)));
        CHECK(fits.degrees_of_freedom[0] == doctest::Approx(2 - 0.5 * 4 / 3));
        CHECK(fits.coefficients(0, 0) == std::ldexp(1.0, -exponent));
        const double quadratic = std::ldexp(6.0, -exponent);
        const double log_determinant = std::log(3.0) + 2 * exponent * std::numbers::ln2;
        CHECK(fits.log_likelihood[0] ==
              doctest::Approx(-0.5 * quadratic - 0.5 * log_determinant - std::log(2 * std::numbers::pi)));
    }
}

TEST_CASE("a left-out sample of several rows is one block; one without an inverse has no prediction") {
    RegressionProblem problem;
    problem.unit = 2;
    problem.targets = Matrix<double>(2, 2);
    problem.prior = Matrix<double>(2, 2);
    Matrix<double> alpha(4, 1);
    for (Index k = 0; k < 4; ++k) alpha(k, 0) = static_cast<double>(k + 1);
    Matrix<double> blocks(2, 4);
    const double first[] = {2, 1, 1, 2};
    const double second[] = {1, 2, 2, 1};  // indefinite
    for (Index k = 0; k < 4; ++k) {
        blocks(0, k) = first[k];
        blocks(1, k) = second[k];
    }
    const Matrix<double> e = left_out_residuals(problem, alpha, blocks);
    CHECK(e(0, 0) == doctest::Approx(0));  // [[2, 1], [1, 2]]^-1 (1, 2)
    CHECK(e(1, 0) == doctest::Approx(1));
    CHECK(std::isnan(e(2, 0)));
    CHECK(std::isnan(e(3, 0)));
}

TEST_CASE("the best ridge is never one without a number") {
    CHECK(place_of_least({NAN, 2, 1, NAN}) == 2);
    CHECK_FALSE(place_of_least({NAN, NAN}).has_value());
    CHECK_FALSE(place_of_least({}).has_value());
}

TEST_CASE("ridges and times are read as they are meant") {
    const std::vector<double> ridges = parse_ridges({"1e-3", "2m", "0"}, 5);
    CHECK(ridges == std::vector<double>{1e-3, 10, 0});
    for (const char* wrong : {"-1", "m", "1e-3 m", "", "auto", "nan", "1e400", "1e308m"})
        CHECK_THROWS_AS(parse_ridges({wrong}, 1e10), Error);
    CHECK(std::isinf(parse_times({"inf"}, "--times")[0]));
    CHECK_THROWS_AS(parse_times({"-2"}, "--times"), Error);
    CHECK(time_factor("sum", 20) == 1);
    CHECK(time_factor("mean-half", 20) == 0.05);
    CHECK(time_factor("mse", 20) == 0.1);
}

TEST_CASE("samples that are there twice are counted, and those that contradict each other") {
    Matrix<double> targets(5, 1);
    for (Index i = 0; i < 5; ++i) targets(i, 0) = i == 3 ? 1 : 0;
    const Repeated repeated = count_repeated({7, 8, 7, 8, 9}, {9, 1, 7}, targets);
    CHECK(repeated.train_duplicates == 2);
    CHECK(repeated.contradicting == 1);
    CHECK(repeated.test_in_train == 2);
    CHECK(repeated.in_train == std::vector<bool>{true, false, true});
}
