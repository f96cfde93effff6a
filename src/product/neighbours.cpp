#include "tangram/product/neighbours.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tangram {

namespace {

/// One row's K best so far; `sign` -1 turns the order round. Places without an entry hold what every number is better than.
struct BestOfRow {
    double* values;
    std::int64_t* columns;
    Index K;
    double sign;

    [[nodiscard]] bool is_full() const { return columns[K - 1] >= 0; }
    [[nodiscard]] double worst() const { return values[K - 1]; }
    [[nodiscard]] bool comes_before(double value, std::int64_t column, Index place) const {
        if (columns[place] < 0) return true;
        const double theirs = values[place];
        return sign * value > sign * theirs || (value == theirs && column < columns[place]);
    }
    void offer(double value, std::int64_t column) const {
        if (value != value || !comes_before(value, column, K - 1)) return;
        Index place = K - 1;
        for (; place > 0 && comes_before(value, column, place - 1); --place) {
            values[place] = values[place - 1];
            columns[place] = columns[place - 1];
        }
        values[place] = value;
        columns[place] = column;
    }
};

BestOfRow row_of(BestEntries& best, Index row, Index K, double sign) {
    return {best.values.data() + row * K, best.columns.data() + row * K, K, sign};
}

BestEntries nothing(Index rows, Index K) {
    return {std::vector<double>(at(rows * K), std::numeric_limits<double>::quiet_NaN()),
            std::vector<std::int64_t>(at(rows * K), -1)};
}

/// The extremes of a run of entries, NaN left out: most rows of a tile have none that counts.
template <class T>
std::pair<T, T> extremes(const T* entries, Index count) {
    T most = -std::numeric_limits<T>::infinity(), least = std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : most) reduction(min : least)
    for (Index j = 0; j < count; ++j) {
        most = entries[j] > most ? entries[j] : most;
        least = entries[j] < least ? entries[j] : least;
    }
    return {most, least};
}

}  // namespace

Neighbours::Neighbours(const Shape& shape, Index K)
    : axes_(shape.axes),
      rows_each_(shape.total().rows_each),
      K_(K),
      largest_(nothing(shape.rows(shape.total()), K)),
      smallest_(nothing(shape.rows(shape.total()), K)) {}

template <class T>
void Neighbours::take(const FinishedPlane<T>& plane) {
    for (Index i = 0; i < plane.values.rows; ++i) {
        const Index row = plane.row + i, unit = row / rows_each_;
        const T* const entries = plane.values.row(i);
        const auto [most, least] = extremes(entries, plane.values.cols);
        const BestOfRow large = row_of(largest_, row, K_, 1), small = row_of(smallest_, row, K_, -1);
        const bool may_be_large = !large.is_full() || static_cast<double>(most) >= large.worst();
        const bool may_be_small = !small.is_full() || static_cast<double>(least) <= small.worst();
        if (!may_be_large && !may_be_small) continue;
        for (Index j = 0; j < plane.values.cols; ++j) {
            const Index column = plane.column + j;
            if (axes_.symmetric && column / rows_each_ == unit) continue;
            const auto value = static_cast<double>(entries[j]);
            if (may_be_large) large.offer(value, column);
            if (may_be_small) small.offer(value, column);
        }
    }
}

void Neighbours::merge(const mpi::Communicator& world) {
    const auto rows = static_cast<Index>(largest_.columns.size()) / K_;
    for (int rank = 1; rank < world.size(); ++rank) {
        for (const auto& [mine, sign] : {std::pair{&largest_, 1.0}, std::pair{&smallest_, -1.0}}) {
            BestEntries theirs = world.rank() == rank ? *mine : nothing(rows, K_);
            mpi::broadcast_bytes(world, theirs.values.data(), rows * K_ * Index{sizeof(double)}, rank);
            mpi::broadcast_bytes(world, theirs.columns.data(), rows * K_ * Index{sizeof(std::int64_t)}, rank);
            if (!world.is_root()) continue;
            for (Index row = 0; row < rows; ++row) {
                const BestOfRow best = row_of(*mine, row, K_, sign);
                for (Index k = row * K_; k < (row + 1) * K_ && theirs.columns[at(k)] >= 0; ++k)
                    best.offer(theirs.values[at(k)], theirs.columns[at(k)]);
            }
        }
    }
}

Index most_neighbours(const Shape& shape) {
    const Index own = shape.axes.symmetric ? shape.total().rows_each : 0;
    return shape.columns(shape.total()) - own;
}

Index neighbours_bytes(const Shape& shape, Index K) {
    constexpr Index of_entry = sizeof(double) + sizeof(std::int64_t);
    return 4 * of_entry * shape.rows(shape.total()) *
           K;  // both ends, and another rank's while they are merged
}

template void Neighbours::take(const FinishedPlane<float>&);
template void Neighbours::take(const FinishedPlane<double>&);

}  // namespace tangram
