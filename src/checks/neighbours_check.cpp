#include "tangram/checks/neighbours_check.hpp"

#include "check_gradients.hpp"
#include "tangram/support/error_measures.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace tangram {

namespace {

/// Samples whose rows are looked at.
constexpr std::size_t most_samples = 4;

/// A row, a column, and what was kept of it.
struct Kept {
    Index row = 0, column = 0;
    double value = 0;
};

/// visit(entry) for what was kept of all rows of these samples, from the ends of the order inwards, until it says no.
template <class Visit>
void for_each_kept(const ProductFile& file, const Neighbours& neighbours,
                   const std::vector<std::int64_t>& samples, Visit visit) {
    const Index R = file.shape.total().rows_each, K = neighbours.K();
    for (Index turn = 0; turn < K; ++turn) {
        const Index place = turn % 2 == 0 ? turn / 2 : K - 1 - turn / 2;
        for (const std::int64_t sample : samples) {
            for (Index row = sample * R; row < (sample + 1) * R; ++row) {
                for (const BestEntries* best : {&neighbours.largest(), &neighbours.smallest()}) {
                    const auto k = at(row * K + place);
                    if (best->columns[k] >= 0 && !visit(Kept{row, best->columns[k], best->values[k]})) return;
                }
            }
        }
    }
}

/// Collective. Neighbours of rows of these samples: those that no more than `most` samples have the columns of, for the gradients
/// of all of them are held.
std::vector<Kept> kept_of(const ProductFile& file, const Neighbours& neighbours,
                          const std::vector<std::int64_t>& samples, std::size_t most) {
    const Index R = file.shape.total().rows_each;
    std::set<std::int64_t> found;
    std::vector<Kept> kept;
    if (file.world.is_root()) {
        for_each_kept(file, neighbours, samples, [&](const Kept& entry) {
            found.insert(entry.column / R);
            return found.size() < most;
        });
        for_each_kept(file, neighbours, samples, [&](const Kept& entry) {
            if (found.contains(entry.column / R)) kept.push_back(entry);
            return true;
        });
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
    const std::size_t planned = looked_at.size();
    looked_at.resize(std::min(planned, most_samples));
    const CheckSet rows = check_set_of(file, inputs, of_rows, looked_at);
    const std::vector<Kept> kept = kept_of(file, neighbours, looked_at, planned);
    std::set<std::int64_t> units;
    for (const Kept& entry : kept) units.insert(entry.column / file.shape.total().rows_each);
    const std::vector<std::int64_t> found(units.begin(), units.end());
    compare(file, kept, rows, check_set_of(file, inputs, SetOfSamples::samples, found), report);
}

}  // namespace tangram
