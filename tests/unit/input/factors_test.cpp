#include "tangram/input/factors.hpp"

#include "array_files.hpp"
#include "tangram/network/stored_rows.hpp"
#include "tangram/support/random.hpp"
#include "tangram/tangent/reference/jacobian.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

using namespace tangram;
using test::TemporaryFile;

namespace {

double entry(std::uint64_t seed, Index k) {
    return static_cast<double>(splitmix64(splitmix64(seed) + at(k)) % 2001) / 1000 - 1;
}

/// R = 2: a weight (3, 4) and its bias, one (2, 5) on three positions, gradients (6).
FactorFile every_kind() {
    FactorFile factors;
    factors.samples = 5;
    factors.rows = 2;
    factors.tensors = {{"w", "w.x", "w.s", {3, 4}, 1, "same"},
                       {"p", "p.x", "p.s", {2, 5}, 3, "other"},
                       {"b", "", "w.s", {3}, 1, "same"},
                       {"g", "", "g.g", {6}, 1, ""}};
    return factors;
}

/// Rows of J of a sample whose columns are x_w (4), s_w (2, 3), x_p (3, 5), s_p (2, 3, 2), g (2, 6): by tensor, (2, P).
std::vector<Matrix<double>> rows_of(const double* v) {
    std::vector<Matrix<double>> J;
    for (const Index size : {12, 10, 3, 6}) J.emplace_back(2, size);
    const double *x = v, *s = v + 4, *xp = v + 10, *sp = v + 25, *g = v + 37;
    for (Index r = 0; r < 2; ++r) {
        for (Index j = 0; j < 3; ++j) {
            J[2](r, j) = s[r * 3 + j];
            for (Index k = 0; k < 4; ++k) J[0](r, j * 4 + k) = s[r * 3 + j] * x[k];
        }
        for (Index p = 0; p < 3; ++p) {
            for (Index j = 0; j < 2; ++j) {
                for (Index k = 0; k < 5; ++k) J[1](r, j * 5 + k) += sp[(r * 3 + p) * 2 + j] * xp[p * 5 + k];
            }
        }
        for (Index k = 0; k < 6; ++k) J[3](r, k) = g[r * 6 + k];
    }
    return J;
}

}  // namespace

TEST_CASE(
    "the network of factors has the gradients that were given, by the reference, which knows no factors") {
    const FactorFile factors = every_kind();
    const Network network = network_of(factors);
    REQUIRE(network.gradients_are_given);
    REQUIRE(network.inputs() == 49);
    REQUIRE(columns_of(factors).locations == std::vector<std::string>{"w.x", "w.s", "p.x", "p.s", "g.g"});
    REQUIRE(network.tensors.size() == 4);
    Reduction reduction;
    reduction.outputs = network.outputs();
    std::vector<double> sample(49);
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] = entry(1, static_cast<Index>(k));
    const SampleGradient gradient = backpropagate(network, sample);
    const std::vector<Matrix<double>> expected = rows_of(sample.data());
    const std::array<std::size_t, 4> place{0, 2, 1, 3};  // the bias comes behind its weight
    for (std::size_t t = 0; t < 4; ++t) {
        const ParameterTensor& tensor = network.tensors[t];
        const Matrix<double>& wanted = expected[place[t]];
        REQUIRE(tensor.name == factors.tensors[place[t]].name);
        const Matrix<double> J =
            jacobian_block(network, reduction, static_cast<Index>(t), {&gradient, 1}, 0, tensor.units());
        REQUIRE(J.rows() == 2);
        REQUIRE(J.cols() == wanted.cols());
        for (Index k = 0; k < J.size(); ++k)
            CHECK(J.data()[k] == doctest::Approx(wanted.data()[k]).epsilon(1e-14));
    }
    for (const double output : gradient.outputs) CHECK(output == 0);
}

TEST_CASE(
    "any part of gradients in their file is read as it lies, across the axes of a tensor and both files") {
    constexpr Index N = 4, R = 2, P = 3 * 211 * 71, M = 2;  // R P is more than what is held
    const auto file_of = [](std::uint64_t seed, Index samples) {
        std::vector<double> values(at(samples * R * P));
        for (std::size_t k = 0; k < values.size(); ++k) values[k] = entry(seed, static_cast<Index>(k));
        return test::npy("<f8", "(" + std::to_string(samples) + ", 2, 3, 211, 71)",
                         test::stored<double>(values));
    };
    const TemporaryFile train("train.npy", file_of(2, N)), other("test.npy", file_of(3, M));
    FactorFile factors, of_test;
    factors.samples = N;
    factors.rows = R;
    factors.tensors = {{"g", "", train.path(), {3, 211, 71}, 1, ""}};
    of_test = factors;
    of_test.tensors.front().s = other.path();
    const Network network = network_of(factors, &of_test);
    REQUIRE(network.inputs() == row_number_columns);
    const StoredRows& source = *std::get<Stored>(network.nodes.front().op).source;
    REQUIRE(source.width == P);
    const std::vector<Index> numbers{1, 2, 5, 4, 0};
    for (const auto& [first, count] :
         {std::pair<Index, Index>{0, P}, {1, 1}, {70, 2}, {71, 71}, {14980, 3}, {100, 30000}, {P - 5, 5}}) {
        Matrix<double> out(5 * R, count);
        source.read(numbers, first, out.view());
        bool same = true;
        for (Index k = 0; k < out.rows(); ++k) {
            const Index number = numbers[at(k / R)];
            const bool is_test = number >= N;
            const Index row = ((is_test ? number - N : number) * R + k % R) * P + first;
            for (Index j = 0; j < count; ++j) same = same && out(k, j) == entry(is_test ? 3 : 2, row + j);
        }
        CHECK(same);
    }
}
