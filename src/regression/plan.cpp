#include "tangram/regression/plan.hpp"

#include "tangram/regression/eigen_regression.hpp"
#include "tangram/regression/left_out_check.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Columns that are whole on every rank at once (test_kernel.cpp, cholesky.cpp).
constexpr Index columns_at_once = 256;

}  // namespace

RegressionBytes bytes_for(const RegressionSizes& s, const BlockCyclic& layout, RegressionMethod method) {
    const Index n = s.rows();
    const Index of_fit = s.samples * s.columns;
    const Index of_test = s.test_samples * s.columns;
    // For good: coefficients, training and left-out predictions of all fits; targets, as they were read and as they are used, and
    // prior. For a while, of one fit: what is being solved and multiplied, at most nine at once; and by eigenvectors the
    // columns of several fits, whole, as parts and as products (eigen_regression.cpp).
    const Index for_good = (3 * s.fits + 3) * of_fit + (s.fits + 2) * of_test +
                           (s.wants_variance ? s.fits * s.test_samples * s.unit * s.unit : 0);
    const Index of_filters =
        method == RegressionMethod::cholesky ? 0 : 6 * n * std::max(filtered_columns, 2 * s.columns / s.unit);
    const Index of_solving = 9 * of_fit + 2 * s.samples * s.unit * s.unit + of_filters;
    const Index width = std::max<Index>(columns_at_once, s.unit);
    const Index of_testing =
        s.test_samples == 0
            ? 0
            : s.fits * (of_fit + of_test) + (s.wants_variance || s.wants_attribution ? 4 : 1) * n * width;
    const Index of_leaving_out = 10 * n * std::min<Index>(3 * s.columns / s.unit, most_left_out_columns);
    const Index of_inverse =
        method == RegressionMethod::cholesky && s.wants_scores ? layout.rows.local_extent() * width : 0;
    // Eigen: the matrix, its vectors, the solver's work space.
    const Index matrices = method == RegressionMethod::cholesky ? 1
                           : method == RegressionMethod::eigen  ? 4
                                                                : 2;
    return {8 * matrices * layout.local_size(),
            8 * (for_good + std::max({of_solving + of_inverse, of_testing, of_leaving_out}))};
}

double operations_for(const RegressionSizes& s, RegressionMethod method) {
    const auto n = static_cast<double>(s.rows());
    const auto m = static_cast<double>(s.test_samples * s.unit);
    const Index sides = s.columns / s.unit;
    const auto columns = static_cast<double>(s.fits * sides);
    const double factor = method == RegressionMethod::cholesky ? (s.wants_scores ? 2.0 / 3 : 1.0 / 3) / 0.6
                          : method == RegressionMethod::eigen  ? 9
                                                               : 0;
    const double batches = (s.wants_variance ? 2 : 0) + (s.wants_attribution ? 2 : 0);
    return factor * n * n * n + (method == RegressionMethod::cholesky ? 8 : 30) * n * n * columns +
           2 * n * m * columns + batches * n * n * m;
}

}  // namespace tangram
