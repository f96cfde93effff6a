#include "tangram/checks/neighbours_check.hpp"

#include "check_gradients.hpp"
#include "tangram/support/error_measures.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace tangram {

namespace {

/// Rows that are looked at: each brings 2 K others.
constexpr std::size_t most_rows = 4;

/// A row, a column, and what was kept of it.
struct Kept {
    Index row = 0, column = 0;
    double value = 0;
};

/// Collective. The neighbours of all rows of these samples.
std::vector<Kept> kept_of(const ProductFile& file, const Neighbours& neighbours,
                          const std::vector<std::int64_t>& samples) {
    const Index R = file.shape.total().rows_each, K = neighbours.K();
    std::vector<Kept> kept;
    for (const std::int64_t sample : samples) {
        for (Index row = sample * R; row < (sample + 1) * R && file.world.is_root(); ++row) {
            for (const BestEntries* best : {&neighbours.largest(), &neighbours.smallest()}) {
                for (Index k = row * K; k < (row + 1) * K; ++k) {
                    if (best->columns[at(k)] >= 0)
                        kept.push_back({row, best->columns[at(k)], best->values[at(k)]});
                }
            }
        }
    }
    return mpi::broadcast(file.world, std::move(kept));
}

/// Collective. Of all tensors.
Matrix<double> reference_between(const ProductFile& file, const CheckSet& rows, const CheckSet& columns) {
    Matrix<double> total;
    for (std::size_t t = 0; t < file.problem.network.tensors.size(); ++t) {
        Matrix<double> part = reference_kernel(
            file.problem.network, file.problem.reduction, static_cast<Index>(t), rows.gradients,
            columns.gradients, {file.world.rank(), file.world.size(), file.resources.threads});
        if (total.size() == 0) total = Matrix<double>(part.rows(), part.cols());
        for (Index k = 0; k < part.size(); ++k) total.data()[k] += part.data()[k];
    }
    mpi::sum(file.world, {total.data(), at(total.size())});
    return total;
}

/// Where a kernel row is among those of the set's samples.
Index place_of(const CheckSet& set, Index row, Index R) {
    const auto found = std::lower_bound(set.samples.begin(), set.samples.end(), row / R);
    return (found - set.samples.begin()) * R + row % R;
}

void compare(const ProductFile& file, const std::vector<Kept>& kept, const CheckSet& rows,
             const CheckSet& columns, CheckReport& report) {
    const Index R = file.shape.total().rows_each;
    const Matrix<double> reference = reference_between(file, rows, columns);
    double worst = 0, largest = 0;
    Index compared = 0;
    for (const Kept& entry : kept) {
        const Index i = place_of(rows, entry.row, R), j = place_of(columns, entry.column, R);
        if (rows.excluded[at(i / R)] || columns.excluded[at(j / R)]) continue;
        worst = worse(worst, std::abs(entry.value - reference(i, j)));
        largest = std::max(largest, std::abs(reference(i, j)));
        ++compared;
    }
    report.neighbours_error = compared > 0 ? relative_error_of(worst, largest) : measured(not_computed);
}

}  // namespace

void check_neighbours(const ProductFile& file, const CheckInputs& inputs, const Neighbours& neighbours,
                      CheckReport& report) {
    const bool is_symmetric = file.shape.axes.symmetric;
    const SetOfSamples of_rows = is_symmetric ? SetOfSamples::samples : SetOfSamples::test;
    std::vector<std::int64_t> looked_at = is_symmetric ? report.samples : report.test_samples;
    looked_at.resize(std::min(looked_at.size(), most_rows));
    const CheckSet rows = check_set_of(file, inputs, of_rows, looked_at);
    const std::vector<Kept> kept = kept_of(file, neighbours, looked_at);
    std::set<std::int64_t> units;
    for (const Kept& entry : kept) units.insert(entry.column / file.shape.total().rows_each);
    const std::vector<std::int64_t> found(units.begin(), units.end());
    compare(file, kept, rows, check_set_of(file, inputs, SetOfSamples::samples, found), report);
}

}  // namespace tangram
