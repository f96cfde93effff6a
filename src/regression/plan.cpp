#include "tangram/regression/plan.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Columns that are whole on every rank at once (test_kernel.cpp, cholesky.cpp).
constexpr Index columns_at_once = 256;

}  // namespace

Index bytes_for(const RegressionSizes& s, const BlockCyclic& layout, RegressionMethod method) {
    const Index local = layout.local_size();
    const Index n = s.rows();
    // Coefficients, training and left-out predictions of all fits, as they are and on their way to the file; targets and prior.
    const Index fits = (3 * s.fits + 6) * s.samples * s.columns + 2 * s.fits * s.test_samples * s.columns +
                       (s.wants_variance ? s.fits * s.test_samples * s.unit * s.unit : 0) +
                       2 * s.samples * s.unit * s.unit;
    const Index width = std::max<Index>(columns_at_once, s.unit);
    const Index columns = (s.wants_variance || s.wants_attribution ? 4
                           : s.test_samples > 0                    ? 1
                                                                   : 0) *
                              n * width +
                          (s.test_samples > 0 ? n * s.fits * s.columns / s.unit : 0);
    const Index inverse =
        method == RegressionMethod::cholesky && s.wants_scores ? layout.rows.local_extent() * width : 0;
    // Eigen: the matrix, its vectors, the solver's work space; later the matrix read again and a product.
    const Index matrices = method == RegressionMethod::cholesky ? 1
                           : method == RegressionMethod::eigen  ? 5
                                                                : 3;
    return 8 * (matrices * local + fits + std::max(columns, inverse));
}

double operations_for(const RegressionSizes& s, RegressionMethod method) {
    const auto n = static_cast<double>(s.rows());
    const auto m = static_cast<double>(s.test_samples * s.unit);
    const Index sides = s.columns / s.unit;
    const auto columns = static_cast<double>(s.fits * sides);
    const double factor = method == RegressionMethod::cholesky ? (s.wants_scores ? 2.0 / 3 : 1.0 / 3) / 0.6
                          : method == RegressionMethod::eigen  ? 9 + 4
                                                               : 4;
    const double batches = (s.wants_variance ? 2 : 0) + (s.wants_attribution ? 2 : 0);
    return factor * n * n * n + (method == RegressionMethod::cholesky ? 8 : 30) * n * n * columns +
           2 * n * m * columns + batches * n * n * m;
}

}  // namespace tangram
