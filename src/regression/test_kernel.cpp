#include "tangram/regression/test_kernel.hpp"

#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace tangram {

namespace {

/// Test samples whose rows are whole on every rank at once; about so many rows of the kernel.
constexpr Index rows_at_once = 256;

Index samples_at_once(Index unit) {
    return std::max<Index>(1, rows_at_once / unit);
}

/// [begin, end) of `count` things that rank `rank` of `ranks` has.
PanelRange share_of(Index count, int ranks, int rank) {
    return {count * rank / ranks, count * (rank + 1) / ranks};
}

/// Collective. Rows [first, first + count) of the kernel, scaled by 2^-exponent, as columns: (n, count) on every rank.
Matrix<double> read_columns(const mpi::Communicator& comm, const TestKernel& test, Index n, int exponent,
                            Index first, Index count) {
    KernelSum sum = test.sum;
    sum.exponent = exponent;
    Matrix<double> columns(n, count);
    agree(comm, [&] {
        const PanelRange mine = share_of(count, comm.size(), comm.rank());
        Matrix<double> rows(mine.size(), n);
        read_kernel_rows(test.tiles, test.kernel, sum, first + mine.begin, rows.view());
        for (Index i = 0; i < rows.rows(); ++i) {
            for (Index j = 0; j < n; ++j) columns(j, mine.begin + i) = rows(i, j);
        }
    });
    mpi::sum(comm, {columns.data(), at(columns.size())});
    return columns;
}

/// Alpha of all fits as columns: (n, r sides), fit after fit.
Matrix<double> coefficients_as_columns(const RegressionProblem& problem, const Fits& fits) {
    const Index sides = problem.sides();
    Matrix<double> columns(problem.rows(), fits.count() * sides);
    for (Index k = 0; k < fits.count(); ++k) {
        for (Index i = 0; i < problem.rows(); ++i) {
            for (Index c = 0; c < sides; ++c) columns(i, k * sides + c) = fits.coefficients(k, i * sides + c);
        }
    }
    return columns;
}

}  // namespace

Matrix<double> predict(const mpi::Communicator& comm, const TestKernel& test,
                       const RegressionProblem& problem, const Fits& fits, const Matrix<double>& prior) {
    const Index n = problem.rows();
    const Index sides = problem.sides();
    const Index m = test.kernel.test_samples * problem.unit;
    const Matrix<double> alpha = coefficients_as_columns(problem, fits);
    Matrix<double> change(fits.count(), m * sides);
    agree(comm, [&] {
        const PanelRange mine = share_of(m, comm.size(), comm.rank());
        for (Index first = mine.begin; first < mine.end; first += rows_at_once) {
            const Index count = std::min(rows_at_once, mine.end - first);
            Matrix<double> rows(count, n);
            read_kernel_rows(test.tiles, test.kernel, test.sum, first, rows.view());
            Matrix<double> product(count, alpha.cols());
            blas::gemm(blas::Op::none, blas::Op::none, 1.0, std::as_const(rows).view(), alpha.view(), 0.0,
                       product.view());
            for (Index i = 0; i < count; ++i) {
                for (Index j = 0; j < product.cols(); ++j)
                    change(j / sides, (first + i) * sides + j % sides) = product(i, j);
            }
        }
    });
    mpi::sum(comm, {change.data(), at(change.size())});
    for (Index k = 0; k < change.rows(); ++k) {
        for (Index i = 0; i < change.cols(); ++i) change(k, i) += prior.data()[i];
    }
    return change;
}

Matrix<double> variances(const mpi::Communicator& comm, const TestKernel& test,
                         const RegressionProblem& problem, const RidgeSolver& solver, const Fits& fits) {
    const Index M = test.kernel.test_samples;
    const Index unit = problem.unit;
    const Matrix<double>& D = *test.diagonals;
    Matrix<double> result(fits.count(), M * unit * unit);
    const Index step = samples_at_once(unit);
    for (Index first = 0; first < M; first += step) {
        const Index count = std::min(step, M - first);
        const Matrix<double> columns =
            read_columns(comm, test, problem.rows(), solver.exponent, first * unit, count * unit);
        const Matrix<double> W = solver.prepare(columns.view());
        for (Index k = 0; k < fits.count(); ++k) {
            if (std::isnan(fits.train(k, 0))) {
                std::fill_n(result.view().row(k), result.cols(), std::numeric_limits<double>::quiet_NaN());
                continue;
            }
            const std::vector<double> weights = solver.weights(k);
            Matrix<double> explained(count, unit * unit);
            for (Index row = 0; row < W.rows(); ++row) {
                const double* w = W.view().row(row);
                for (Index x = 0; x < count; ++x) {
                    for (Index a = 0; a < unit; ++a) {
                        const double left = weights[at(row)] * w[x * unit + a];
                        for (Index b = 0; b < unit; ++b) explained(x, a * unit + b) += left * w[x * unit + b];
                    }
                }
            }
            for (Index x = 0; x < count; ++x) {
                for (Index e = 0; e < unit * unit; ++e) {
                    const double own = std::ldexp(D(first + x, e), -solver.exponent);
                    result(k, (first + x) * unit * unit + e) =
                        std::ldexp(own - explained(x, e), solver.exponent);
                }
            }
        }
    }
    return result;
}

}  // namespace tangram
