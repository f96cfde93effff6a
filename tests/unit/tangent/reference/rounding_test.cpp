// The bound on what rounding may have done to a value, against the same value in long double.

#include "tangram/tangent/reference/rounding.hpp"

#include "random_networks.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace tangram;
using namespace tangram::test;

namespace {

/// relu(x + a W x), with terms that cancel where `bias` is minus the rest.
Network kinked_sum(Index width, std::uint64_t seed) {
    Network network;
    network.values.push_back({"input", width});
    const Index z = add_random_dense(network, "fc", 0, width, seed);
    network.output = add_activation(network, "relu", add_sum(network, z, 0), 1);
    return network;
}

/// x o x and x o (x o x), then z o x, x o z and z o z for the z of a Dense: values 1, 2, 4, 5, 6; z itself is
/// value 3.
Network products(Index width, std::uint64_t seed) {
    Network network;
    network.values.push_back({"input", width});
    add_product(network, 0, add_product(network, 0, 0));
    const Index z = add_random_dense(network, "fc", 0, width, seed);
    add_product(network, z, 0);
    add_product(network, 0, z);
    network.output = add_product(network, z, z);
    return network;
}

SampleGradient gradient(const Network& network, std::vector<double> x) {
    return backpropagate(network, x);
}

}  // namespace

TEST_CASE(
    "no value of a sum of dense output and input is further from long double's than the bound, nor far "
    "below") {
    const Index width = 200;
    const Network network = kinked_sum(width, 3);
    const Matrix<double> X = random_samples(1, width, 4);
    const SampleGradient sample = backpropagate(network, {X.data(), at(width)});
    const auto bounds = rounding_of_values(network, sample);
    const Matrix<double>& W = network.tensors[0].values;
    for (Index j = 0; j < width; ++j) {
        long double z = 0.8L * network.tensors[1].values(j, 0), terms = std::abs(z);
        for (Index k = 0; k < width; ++k) {
            z += 1.25L * W(j, k) * X(0, k);
            terms += std::abs(1.25L * W(j, k) * X(0, k));
        }
        const auto off = [&](std::size_t value, long double exact) {
            return std::abs(sample.values[value][at(j)] - exact);
        };
        CHECK(off(1, z) <= bounds[1][at(j)]);
        CHECK(off(2, z + X(0, j)) <= bounds[2][at(j)]);
        CHECK(bounds[1][at(j)] < 1e-15 * terms);
        CHECK(bounds[2][at(j)] > bounds[1][at(j)]);  // what z may be off by, and the sum's own
        CHECK(bounds[2][at(j)] < 4 * bounds[1][at(j)]);
    }
}

TEST_CASE("a product is off by no more than the bound where its factors cancel, and that is not far above") {
    const Index width = 200;
    Network network = products(width, 6);
    const Matrix<double> X = random_samples(1, width, 7);
    const Matrix<double>& W = network.tensors[0].values;
    std::vector<long double> z(at(width));
    for (Index j = 0; j < width; ++j) {
        for (Index k = 0; k < width; ++k) z[at(j)] += 1.25L * W(j, k) * X(0, k);
        network.tensors[1].values(j, 0) = static_cast<double>((1e-9L - z[at(j)]) / 0.8L);
        z[at(j)] += 0.8L * network.tensors[1].values(j, 0);
    }
    const SampleGradient sample = backpropagate(network, {X.data(), at(width)});
    const auto bounds = rounding_of_values(network, sample);
    int inexact = 0;
    for (std::size_t j = 0; j < at(width); ++j) {
        const long double x = X.data()[j];
        const auto check = [&](std::size_t value, long double exact, long double tight) {
            const long double off = std::abs(sample.values[value][j] - exact);
            CHECK(off <= bounds[value][j]);
            CHECK(bounds[value][j] <= 1.001L * tight);
            return off > 0;
        };
        const long double of_z = bounds[3][j], unit = 4 * std::numeric_limits<double>::epsilon();
        inexact += check(1, x * x, unit * x * x);
        inexact += check(2, x * x * x, 2 * unit * std::abs(x * x * x));
        for (const std::size_t mixed : {std::size_t{4}, std::size_t{5}})
            check(mixed, z[j] * x, of_z * std::abs(x) + unit * std::abs(z[j] * x));
        check(6, z[j] * z[j], 2 * of_z * std::abs(z[j]) + unit * z[j] * z[j] + of_z * of_z);
    }
    CHECK(inexact > width);
}

TEST_CASE(
    "rounding is 0 where all terms are exactly zero, and for the input; a relu passes on its input's where "
    "alive") {
    Network network = kinked_sum(3, 5);
    for (Index j = 0; j < 3; ++j) network.tensors[1].values(j, 0) = 0;
    const auto none = rounding_of_values(network, gradient(network, {0, 0, 0}));
    for (const std::vector<double>& value : none) {
        for (const double bound : value) CHECK(bound == 0);
    }
    const SampleGradient sample = gradient(network, {0.5, -3, 2});
    const auto bounds = rounding_of_values(network, sample);
    for (std::size_t j = 0; j < 3; ++j) {
        CHECK(bounds[0][j] == 0);
        CHECK(bounds[1][j] > 0);
        CHECK(bounds[3][j] == (sample.values[2][j] > 0 ? bounds[2][j] : 0));
    }
}
