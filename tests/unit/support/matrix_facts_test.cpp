#include "tangram/support/matrix_facts.hpp"

#include "tangram/spectrum/spectrum.hpp"
#include "tangram/support/eigen_solver.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace tangram;

namespace {

constexpr Index n = 12;
constexpr double limit = 30;

/// Q diag(1 .. n) Q, Q = 1 - 2 u u^T: eigenvalues 1 .. n, times `size`.
double entry(Index i, Index j, double size) {
    double sum = 0;
    for (Index k = 0; k < n; ++k) {
        const double left = (i == k ? 1.0 : 0.0) - 2.0 / n;
        const double right = (j == k ? 1.0 : 0.0) - 2.0 / n;
        sum += left * right * static_cast<double>(k + 1);
    }
    return sum * size;
}

std::vector<double> right_values(const MatrixFacts& facts, double size) {
    std::vector<double> values;
    for (Index k = 0; k < n; ++k)
        values.push_back(std::ldexp(static_cast<double>(k + 1), -facts.exponent / 2) *
                         std::ldexp(size, -facts.exponent - -facts.exponent / 2));
    return values;
}

/// A in blocks of 2, on all ranks.
MatrixFacts facts_of(const mpi::Communicator& world, double size, AlignedBuffer<double>& A) {
    const BlockCyclic layout = make_block_cyclic(n, 2, world.size(), world.rank());
    A = AlignedBuffer<double>(std::max<Index>(1, layout.local_size()));
    const Index rows = layout.rows.local_extent();
    for (Index j = 0; j < layout.cols.local_extent(); ++j) {
        for (Index i = 0; i < rows; ++i)
            A.data()[i + j * rows] = entry(layout.rows.global(i), layout.cols.global(j), size);
    }
    return scale_and_measure(world, layout, A);
}

double worst(const ValueErrors& errors) {
    return std::max({errors.trace, errors.squares, errors.rayleigh});
}

}  // namespace

TEST_CASE("right eigenvalues of a matrix of any size pass, and the scaled matrix has entries near one") {
    const auto world = mpi::Communicator::world();
    for (const double size : {1e-320, 1e-300, 1e-160, 1.0, 1e157, 1e306}) {
        AlignedBuffer<double> A;
        const MatrixFacts facts = facts_of(world, size, A);
        if (size > 1e-310) CHECK(worst(value_errors(right_values(facts, size), facts)) < limit);
        CHECK(facts.norm > 1);
        CHECK(facts.norm < 2 * n);
    }
}

TEST_CASE("one wrong eigenvalue, or one that is no number, never passes") {
    const auto world = mpi::Communicator::world();
    AlignedBuffer<double> A;
    const MatrixFacts facts = facts_of(world, 1, A);
    const std::vector<double> right = right_values(facts, 1);
    for (std::size_t k = 0; k < right.size(); ++k) {
        for (const double wrong : {right[k] * (1 + 1e-9), 0.0, std::numeric_limits<double>::quiet_NaN(),
                                   std::numeric_limits<double>::infinity()}) {
            std::vector<double> values = right;
            values[k] = wrong;
            CHECK_FALSE(worst(value_errors(values, facts)) < limit);
        }
    }
    CHECK_FALSE(worst(value_errors(std::vector<double>(n, 0.0), facts)) < limit);
}

TEST_CASE("eigenvalues with the right trace and the right squares, but not the largest one, do not pass") {
    MatrixFacts facts;  // of diag(0, 2, 4)
    facts.trace = 6;
    facts.norm = std::sqrt(20.0);
    facts.rayleigh = 4;
    const double radius =
        std::sqrt(8.0 * 2 / 3);  // so that these three have the trace 6 and the squares 20, too
    const std::vector<double> other{2 - radius / 2, 2 - radius / 2, 2 + radius};
    const ValueErrors errors = value_errors(other, facts);
    CHECK(errors.trace < limit);
    CHECK(errors.squares < limit);
    CHECK_FALSE(errors.rayleigh < limit);
    CHECK(worst(value_errors({0, 2, 4}, facts)) < limit);
}

TEST_CASE("residual and orthogonality of vectors that are no numbers are infinite") {
    const auto world = mpi::Communicator::world();
    const auto alone = world.split(world.rank(), 0);
    const BlockCyclic layout = make_block_cyclic(3, 2, 1, 0);
    AlignedBuffer<double> A(9);
    EigenPairs pairs{{1, 1, 1}, AlignedBuffer<double>(9), "none"};
    for (Index k = 0; k < 9; ++k) {
        A.data()[k] = k % 4 == 0 ? 1 : 0;
        pairs.vectors.data()[k] = k % 4 == 0 ? 1 : 0;
    }
    CHECK(eigen_errors(alone, layout, A, pairs).residual == 0);
    pairs.vectors.data()[4] = std::numeric_limits<double>::quiet_NaN();
    const EigenErrors errors = eigen_errors(alone, layout, A, pairs);
    CHECK(std::isinf(errors.residual));
    CHECK(std::isinf(errors.orthogonality));
}

TEST_CASE(
    "two eigenvectors that are tilted against each other have a residual, one that is too long is not orthogonal") {
    const auto world = mpi::Communicator::world();
    const auto alone = world.split(world.rank(), 0);
    constexpr Index size = 200;
    constexpr double tilt = 1e-9;  // where n eps is 4e-14
    const BlockCyclic layout = make_block_cyclic(size, 64, 1, 0);
    AlignedBuffer<double> A = AlignedBuffer<double>::zeros(size * size);
    EigenPairs pairs{{}, AlignedBuffer<double>::zeros(size * size), "none"};
    for (Index k = 0; k < size; ++k) {
        A.data()[k + k * size] = pairs.vectors.data()[k + k * size] = 1;
        if (k >= size / 2) A.data()[k + k * size] = 2;
        pairs.values.push_back(A.data()[k + k * size]);
    }
    double* const v = pairs.vectors.data();
    const auto errors = [&] { return eigen_errors(alone, layout, A, pairs); };
    CHECK(errors().residual < limit);
    CHECK(errors().orthogonality < limit);
    v[150 + 3 * size] = tilt;
    v[3 + 150 * size] = -tilt;
    CHECK(errors().residual > limit);
    CHECK(errors().orthogonality < limit);
    v[150 + 3 * size] = v[3 + 150 * size] = 0;
    v[7 + 7 * size] = 1 + tilt;
    CHECK(errors().residual < limit);
    CHECK(errors().orthogonality > limit);
}

TEST_CASE("ranks of a spectrum neither overflow nor vanish, and the step is given where it is decided") {
    MatrixFacts facts;
    facts.exponent = -600;
    facts.trace = 3;
    facts.norm = std::sqrt(5.0);
    const Spectrum s = describe_spectrum({1, 2}, facts, Precision::float64, true);
    CHECK(s.eigenvalues.back() == std::ldexp(2.0, -600));
    CHECK(s.effective_rank == doctest::Approx(9.0 / 5));
    CHECK(s.stable_rank == doctest::Approx(1.5));
    CHECK(s.largest_stable_step == std::ldexp(1.0, 600));
    CHECK(s.storage_noise == std::ldexp(0x1p-52 * std::sqrt(5.0), -600));
    CHECK(std::isnan(describe_spectrum({1, 2}, facts, Precision::float64, false).largest_stable_step));
    const Spectrum tiny = describe_spectrum({0, 1e-200, 1}, facts, Precision::float64, true);
    CHECK(tiny.entropy_rank == doctest::Approx(1));
}
