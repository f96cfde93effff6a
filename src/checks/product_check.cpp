#include "tangram/checks/product_check.hpp"

#include "check_gradients.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tangram {

namespace {

/// Collective.
CheckSet make_set(const mpi::Communicator& world, const Network& network, const Reduction& reduction,
                  Matrix<double> X, const std::vector<std::int64_t>& samples) {
    CheckSet set{samples, std::move(X), {}, {}};
    set.gradients = gradients_of(world, network, reduction, std::as_const(set.X).view(), samples);
    set.excluded = near_kink(network, std::as_const(set.X).view(), set.gradients);
    return set;
}

Index count_excluded(const CheckSet& set) {
    return std::count(set.excluded.begin(), set.excluded.end(), true);
}

/// The smallest eigenvalue of the stored block, and how far below zero rounding alone can push it: each
/// stored entry is off by its own rounding, sqrt(K_ii K_jj) eps at most, that of a dot product, and that of the sum over
/// `summed` tensors.
void check_eigenvalue(Precision precision, Index summed, CheckReport& report) {
    const Matrix<double>& K = report.layerwise_ntk;
    double trace = 0;
    for (Index i = 0; i < K.rows(); ++i) trace += K(i, i);
    report.eigenvalue_floor = -tolerance_of_total(16 * rounding_unit(precision), precision, summed) * trace;
    const bool finite =
        std::all_of(K.data(), K.data() + K.size(), [](double entry) { return std::isfinite(entry); });
    report.smallest_eigenvalue =
        finite ? blas::symmetric_eigenvalues(K.view()).front() : -std::numeric_limits<double>::infinity();
}

/// How many tensors' kernels are added up in the precision of the file.
Index summed_tensors(const ProductFile& file) {
    if (!file.product.sums_tensors) return 1;
    return static_cast<Index>(file.problem.network.tensors.size());
}

/// Collective. Tolerances for what these samples' gradients show.
void settle_tolerances(const ProductFile& file, const Reduction& reduction, const CheckSet& set,
                       CheckReport& report) {
    raise_tolerance(file.world, file.problem.network, reduction, set.gradients, report);
    report.total_tolerance =
        report.tolerance_is_given
            ? report.tolerance
            : tolerance_of_total(report.tolerance, file.shape.precision, summed_tensors(file));
}

/// Collective. Stored entries against explicit Jacobians.
void compare_with_jacobians(const ProductFile& file, const CheckSet& rows, const CheckSet& columns,
                            const Matrix<double>& diagonal, CheckReport& report) {
    const TileFile tiles(file.path, file.shape, TileFile::Access::read);
    const ReadEntries read = [&](std::size_t matrix, Index row, Index col, MatrixView<double> out) {
        tiles.read_entries(matrix, row, col, out);
    };
    const Distribution distribution =
        file.product.distribute(file.shape, file.world.size(), file.world.rank(), {});
    const ComparisonInputs inputs{file.world,      file.problem, file.shape,         rows,
                                  columns,         read,         distribution.tiles, file.resources.threads,
                                  report.tolerance};
    ExplicitComparison found = file.product.compare(inputs);
    report.components = std::move(found.components);
    report.total = std::move(found.total);
    report.jacobian_ntk = std::move(found.reference);
    report.layerwise_ntk = std::move(found.stored);
    report.entry_sizes = std::move(found.entry_sizes);
    if (file.shape.axes.symmetric && report.layerwise_ntk.size() > 0)
        check_eigenvalue(file.shape.precision, summed_tensors(file), report);
    if (diagonal.size() > 0) report.diagonal_error = diagonal_error(inputs, diagonal);
}

}  // namespace

void check_product(const ProductFile& file, CheckInputs inputs, CheckReport& report) {
    const Network& network = file.problem.network;
    report.precision = file.shape.precision;
    const Reduction& reduction = file.problem.reduction;
    const CheckSet columns = make_set(file.world, network, reduction, std::move(inputs.X), report.samples);
    report.samples_near_kink = count_excluded(columns);
    settle_tolerances(file, reduction, columns, report);
    if (file.shape.axes.symmetric) {
        compare_with_jacobians(file, columns, columns, {}, report);
    } else {
        const Reduction& of_test = file.problem.reduction_of_test();
        const CheckSet rows =
            make_set(file.world, network, of_test, std::move(inputs.test_X), report.test_samples);
        report.samples_near_kink += count_excluded(rows);
        settle_tolerances(file, of_test, rows, report);
        compare_with_jacobians(file, rows, columns, inputs.diagonal, report);
    }
    check_finite_differences(file.world, network, reduction, columns.gradients, report);
    check_all_entries(file, report);
}

}  // namespace tangram
