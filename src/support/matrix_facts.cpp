#include "tangram/support/matrix_facts.hpp"

#include "tangram/support/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace tangram {

namespace {

/// Each reads the matrix once, which is little beside 4/3 n^3 operations of a solver.
constexpr int power_steps = 8;
constexpr std::uint64_t start_seed = 1;

/// Collective. A v, the same on every rank.
std::vector<double> times(const mpi::Communicator& comm, const BlockCyclic& layout,
                          const AlignedBuffer<double>& A, const std::vector<double>& v) {
    const Index rows = layout.rows.local_extent();
    const Index cols = layout.cols.local_extent();
    std::vector<double> mine(at(rows), 0);
    for (Index j = 0; j < cols; ++j) {
        const double factor = v[at(layout.cols.global(j))];
        for (Index i = 0; i < rows; ++i) mine[at(i)] += A.data()[i + j * rows] * factor;
    }
    std::vector<double> product(v.size(), 0);
    for (Index i = 0; i < rows; ++i) product[at(layout.rows.global(i))] = mine[at(i)];
    mpi::sum(comm, std::span<double>(product));
    return product;
}

double length(const std::vector<double>& v) {
    double square = 0;
    for (const double x : v) square += x * x;
    return std::sqrt(square);
}

/// Collective. Fills in rho and its residual.
void power_iteration(const mpi::Communicator& comm, const BlockCyclic& layout, const AlignedBuffer<double>& A,
                     MatrixFacts& facts) {
    std::vector<double> v(at(layout.rows.extent));
    const std::uint64_t key = stream_key(start_seed, 0);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = 1 + 0.5 * random_sign(key, i);
    for (int step = 0; step < power_steps; ++step) {
        const double size = length(v);
        if (!(size > 0)) return;  // A v = 0: rho = 0, and so is an eigenvalue
        for (double& x : v) x /= size;
        const std::vector<double> Av = times(comm, layout, A, v);
        double rho = 0;
        for (std::size_t i = 0; i < v.size(); ++i) rho += v[i] * Av[i];
        double rest = 0;
        for (std::size_t i = 0; i < v.size(); ++i) rest += (Av[i] - rho * v[i]) * (Av[i] - rho * v[i]);
        facts.rayleigh = rho;
        facts.rayleigh_residual = std::sqrt(rest);
        v = Av;
    }
}

/// 0 where nothing is off, infinite where a number is none, or nothing is there to compare with.
double in_units(double off, double unit) {
    if (off == 0) return 0;
    const double units = off / unit;
    return std::isnan(units) ? std::numeric_limits<double>::infinity() : units;
}

}  // namespace

void scale_down(AlignedBuffer<double>& A, Index size, int exponent) {
    // In two steps: 2^-exponent alone may be no number.
    const double first = std::ldexp(1.0, -exponent / 2);
    const double second = std::ldexp(1.0, -exponent - -exponent / 2);
    for (Index k = 0; k < size; ++k) A.data()[k] = A.data()[k] * first * second;
}

double column_norm(const mpi::Communicator& comm, const BlockCyclic& layout, const AlignedBuffer<double>& A) {
    std::vector<double> sums(at(layout.cols.extent), 0);
    const Index rows = layout.rows.local_extent();
    for (Index j = 0; j < layout.cols.local_extent(); ++j) {
        double sum = 0;
        for (Index i = 0; i < rows; ++i) sum += std::abs(A.data()[i + j * rows]);
        sums[at(layout.cols.global(j))] = sum;
    }
    mpi::sum(comm, std::span<double>(sums));
    return *std::max_element(sums.begin(), sums.end());
}

MatrixFacts scale_and_measure(const mpi::Communicator& comm, const BlockCyclic& layout,
                              AlignedBuffer<double>& A, PowerIteration iteration) {
    MatrixFacts facts;
    const Index rows = layout.rows.local_extent();
    const Index cols = layout.cols.local_extent();
    double largest = 0;
    for (Index k = 0; k < rows * cols; ++k) largest = std::max(largest, std::abs(A.data()[k]));
    largest = mpi::maximum(comm, largest);
    if (largest > 0) facts.exponent = std::ilogb(largest);
    scale_down(A, rows * cols, facts.exponent);

    std::array<double, 2> sums{};  // of the diagonal, of the squares
    for (Index j = 0; j < cols; ++j) {
        double squares = 0;
        for (Index i = 0; i < rows; ++i) squares += A.data()[i + j * rows] * A.data()[i + j * rows];
        sums[1] += squares;
    }
    for_each_on_diagonal(layout, [&](Index, Index k) { sums[0] += A.data()[k]; });
    mpi::sum(comm, sums);
    facts.trace = sums[0];
    facts.norm = std::sqrt(sums[1]);
    if (iteration == PowerIteration::yes) power_iteration(comm, layout, A, facts);
    return facts;
}

ValueErrors value_errors(const std::vector<double>& values, const MatrixFacts& facts) {
    double sum = 0;
    double squares = 0;
    double sizes = 0;
    double largest = 0;
    double nearest = std::numeric_limits<double>::infinity();  // eigenvalue to rho
    for (const double value : values) {
        sum += value;
        squares += value * value;
        sizes += std::abs(value);
        largest = std::max(largest, std::abs(value));
        nearest = std::min(nearest, std::abs(value - facts.rayleigh));
    }
    const double unit = static_cast<double>(values.size()) * std::numeric_limits<double>::epsilon() * largest;
    ValueErrors errors;
    errors.trace = in_units(std::abs(sum - facts.trace), unit);
    errors.squares = in_units(std::abs(squares - facts.norm * facts.norm), unit * sizes);
    errors.rayleigh =
        in_units(std::max({nearest - facts.rayleigh_residual, facts.rayleigh - values.back(), 0.0}), unit);
    return errors;
}

}  // namespace tangram
