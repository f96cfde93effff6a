// Which training samples a prediction rests on.

#include "tangram/regression/test_kernel.hpp"
#include "tangram/support/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tangram {

namespace {

/// Rows of K* A^-1, or of K*, for a few test samples: B (n, count unit), column x unit + c.
struct Influences {
    const RegressionProblem& problem;
    const Matrix<double>& B;
    const double* factors;  ///< e or alpha, (n, sides)

    /// Of training sample i on output `output` of the x-th of these test samples.
    [[nodiscard]] double operator()(Index i, Index x, Index output) const {
        const Index unit = problem.unit;
        if (unit == 1) return B(i, x) * factors[i * problem.sides() + output];
        double sum = 0;
        for (Index c = 0; c < unit; ++c) sum += B(i * unit + c, x * unit + output) * factors[i * unit + c];
        return sum;
    }
};

/// The first `count` places of `values` in the order of `before`, ties by place.
template <class Before>
std::vector<std::int64_t> first_places(const std::vector<double>& values, Index count, Before before) {
    std::vector<std::int64_t> places(values.size());
    std::iota(places.begin(), places.end(), 0);
    std::partial_sort(places.begin(), places.begin() + count, places.end(),
                      [&](std::int64_t a, std::int64_t b) {
                          const double x = values[at(a)];
                          const double y = values[at(b)];
                          return x == y ? a < b : before(x, y);
                      });
    places.resize(at(count));
    return places;
}

}  // namespace

Attribution attribute(const mpi::Communicator& comm, const TestKernel& test, const RegressionProblem& problem,
                      const RidgeSolver& solver, const Fits& fits, Index k,
                      const AttributionOptions& options) {
    constexpr Index rows_at_once = 256;
    const Index M = test.kernel.test_samples;
    const Index N = problem.samples();
    const Index C = problem.columns();
    const Index unit = problem.unit;
    Attribution found;
    found.columns = std::min(options.largest, N);
    found.sums = Matrix<double>(M, 1);
    const ConstMatrixView<double> predictions = fit_of(fits.test, k, C);

    // e: what is left of left-out samples; alpha' otherwise. Both with B so scaled that 2^e goes away.
    std::vector<double> factors(at(problem.rows() * problem.sides()));
    for (std::size_t i = 0; i < factors.size(); ++i) {
        const auto place = static_cast<Index>(i);
        factors[i] = options.representer ? std::ldexp(fits.coefficients(k, place), solver.exponent)
                                         : problem.targets.data()[place] - fits.left_out(k, place);
    }
    KernelSum scaled = test.sum;
    scaled.exponent = solver.exponent;
    const Index step = std::max<Index>(1, rows_at_once / unit);
    for (Index first = 0; first < M; first += step) {
        const Index count = std::min(step, M - first);
        Matrix<double> columns(problem.rows(), count * unit);
        agree(comm, [&] {
            Matrix<double> rows(count * unit, problem.rows());
            read_kernel_rows(test.tiles, test.kernel, scaled, first * unit, rows.view());
            for (Index i = 0; i < rows.rows(); ++i) {
                for (Index j = 0; j < rows.cols(); ++j) columns(j, i) = rows(i, j);
            }
        });
        if (!options.representer) columns = solver.solve(k, columns.view());
        const Influences influence{problem, columns, factors.data()};
        std::vector<double> values(at(N));
        for (Index x = 0; x < count; ++x) {
            const double* f = predictions.row(first + x);
            const Index output = options.output >= 0 ? options.output : std::max_element(f, f + C) - f;
            for (Index i = 0; i < N; ++i) {
                values[at(i)] = influence(i, x, output);
                found.sums(first + x, 0) += values[at(i)];
            }
            found.outputs.push_back(output);
            const auto most = first_places(values, found.columns, [](double a, double b) { return a > b; });
            const auto least = first_places(values, found.columns, [](double a, double b) { return a < b; });
            found.indices.insert(found.indices.end(), most.begin(), most.end());
            found.negative.insert(found.negative.end(), least.begin(), least.end());
            for (const std::int64_t i : most) found.values.push_back(values[at(i)]);
            for (const std::int64_t i : least) found.negative_values.push_back(values[at(i)]);
        }
    }
    return found;
}

}  // namespace tangram
