#include "tangram/checks/product_check.hpp"

#include "check_gradients.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/sample_choice.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace tangram {

namespace {

Index count_excluded(const CheckSet& set) {
    return std::count(set.excluded.begin(), set.excluded.end(), true);
}

/// Up to `wanted` of N samples that were not tried, as `draw` has them; they count as tried then.
std::vector<std::int64_t> draw_others(Index N, Index wanted, std::uint64_t draw,
                                      std::set<std::int64_t>& tried) {
    std::vector<std::int64_t> others;
    for (const std::int64_t sample : choose_samples(N, static_cast<Index>(tried.size()) + wanted, draw)) {
        if (static_cast<Index>(others.size()) < wanted && tried.insert(sample).second)
            others.push_back(sample);
    }
    return others;
}

/// The samples of `set` that are to be compared, and all of `more`, ascending.
CheckSet with_others(CheckSet set, CheckSet more) {
    struct Place {
        CheckSet* from;
        std::size_t k;
    };
    std::vector<Place> places;
    auto missing = static_cast<Index>(set.samples.size() - more.samples.size()) -
                   (static_cast<Index>(set.samples.size()) - count_excluded(set));
    for (std::size_t k = 0; k < set.samples.size(); ++k) {
        if (!set.excluded[k] || missing-- > 0) places.push_back({&set, k});  // none to take its place
    }
    for (std::size_t k = 0; k < more.samples.size(); ++k) places.push_back({&more, k});
    std::sort(places.begin(), places.end(),
              [](const Place& a, const Place& b) { return a.from->samples[a.k] < b.from->samples[b.k]; });
    CheckSet all;
    all.X = Matrix<double>(static_cast<Index>(places.size()), set.X.cols());
    for (const Place& place : places) {
        const auto row = static_cast<Index>(all.samples.size());
        std::copy_n(place.from->X.view().row(static_cast<Index>(place.k)), set.X.cols(),
                    all.X.view().row(row));
        all.samples.push_back(place.from->samples[place.k]);
        all.gradients.push_back(std::move(place.from->gradients[place.k]));
        all.excluded.push_back(place.from->excluded[place.k]);
    }
    return all;
}

/// Collective. The set of the samples asked for; where more than half of them are to be left out, others in their place, which
/// `samples` then names. Counts in the report how many were left out.
CheckSet make_set(const ProductFile& file, const CheckInputs& inputs, SetOfSamples which,
                  std::vector<std::int64_t>& samples, CheckReport& report) {
    constexpr std::uint64_t draws = 3;
    const Problem& problem = file.problem;
    const Index N = which == SetOfSamples::test ? problem.test->count : problem.samples.count;
    std::set<std::int64_t> tried(samples.begin(), samples.end());
    CheckSet set = check_set_of(file, inputs, which, samples);
    Index replaced = 0;
    for (std::uint64_t draw = 1; draw <= draws; ++draw) {
        const Index excluded = count_excluded(set);
        if (2 * excluded <= static_cast<Index>(set.samples.size())) break;
        const std::vector<std::int64_t> others = draw_others(N, excluded, report.seed + draw, tried);
        if (others.empty()) break;
        set = with_others(std::move(set), check_set_of(file, inputs, which, others));
        replaced += static_cast<Index>(others.size());
    }
    report.samples_near_kink += replaced + count_excluded(set);
    samples = set.samples;
    return set;
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

void check_product(const ProductFile& file, const CheckInputs& inputs, CheckReport& report) {
    report.precision = file.shape.precision;
    const CheckSet columns = make_set(file, inputs, SetOfSamples::samples, report.samples, report);
    settle_tolerances(file, columns, report);
    if (file.shape.axes.symmetric) {
        compare_with_jacobians(file, columns, columns, {}, report);
    } else {
        const CheckSet rows = make_set(file, inputs, SetOfSamples::test, report.test_samples, report);
        settle_tolerances(file, rows, report);
        compare_with_jacobians(file, rows, columns, inputs.diagonal(report.test_samples), report);
    }
    if (file.problem.network.gradients_are_given)
        report.not_made = {"finite differences", "outputs"};
    else
        check_finite_differences(file.world, file.problem.network, columns, file.resources.threads, report);
    check_all_entries(file, report);
}

}  // namespace tangram
