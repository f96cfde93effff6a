#include "tangram/product/neighbours.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tangram {

namespace {

constexpr Index entry_bytes = sizeof(double) + sizeof(std::int64_t);

BestEntries nothing(Index rows, Index K) {
    return {std::vector<double>(at(rows * K), std::numeric_limits<double>::quiet_NaN()),
            std::vector<std::int64_t>(at(rows * K), -1)};
}

/// A row has no more entries than its columns.
Index capacity_of(const Shape& shape, Index K) {
    return std::max(K + 1, std::min(2 * K, most_neighbours(shape)));
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

Candidates::Candidates(Index rows, Index K, Index capacity, End end)
    : K_(K),
      capacity_(capacity),
      sign_(end == End::largest ? 1 : -1),
      entries_(at(rows * capacity)),
      count_(at(rows)) {}

inline bool Candidates::comes_before(const Entry& a, const Entry& b) const {
    return sign_ * a.value > sign_ * b.value || (a.value == b.value && a.column < b.column);
}

inline bool Candidates::may_take(Index row, double value) const {
    return count_[at(row)] < K_ || sign_ * value >= sign_ * entries_[at(row * capacity_ + K_ - 1)].value;
}

void Candidates::keep_best(Index row) {
    Entry* const begin = entries_.data() + row * capacity_;
    std::nth_element(begin, begin + K_ - 1, begin + count_[at(row)],
                     [&](const Entry& a, const Entry& b) { return comes_before(a, b); });
    count_[at(row)] = K_;
}

inline void Candidates::offer(Index row, double value, std::int64_t column) {
    Entry* const its = entries_.data() + row * capacity_;
    Index& count = count_[at(row)];
    const Entry entry{value, column};
    if (value != value || (count >= K_ && !comes_before(entry, its[K_ - 1]))) return;
    its[count++] = entry;
    if (count == K_ || count == capacity_) keep_best(row);
}

BestEntries Candidates::take_best() {
    const auto rows = static_cast<Index>(count_.size());
    BestEntries best = nothing(rows, K_);
    for (Index row = 0; row < rows; ++row) {
        if (count_[at(row)] > K_) keep_best(row);
        Entry* const begin = entries_.data() + row * capacity_;
        std::sort(begin, begin + count_[at(row)],
                  [&](const Entry& a, const Entry& b) { return comes_before(a, b); });
        for (Index k = 0; k < count_[at(row)]; ++k) {
            best.values[at(row * K_ + k)] = begin[k].value;
            best.columns[at(row * K_ + k)] = begin[k].column;
        }
    }
    std::vector<Entry>().swap(entries_);
    count_.clear();
    return best;
}

Neighbours::Neighbours(const Shape& shape, Index K)
    : axes_(shape.axes),
      rows_each_(shape.total().rows_each),
      rows_(shape.rows(shape.total())),
      K_(K),
      large_(shape.rows(shape.total()), K, capacity_of(shape, K), Candidates::End::largest),
      small_(shape.rows(shape.total()), K, capacity_of(shape, K), Candidates::End::smallest) {}

template <class T>
void Neighbours::take(const FinishedPlane<T>& plane) {
    for (Index i = 0; i < plane.values.rows; ++i) {
        const Index row = plane.row + i, unit = row / rows_each_;
        const T* const entries = plane.values.row(i);
        const auto [most, least] = extremes(entries, plane.values.cols);
        const bool may_be_large = large_.may_take(row, static_cast<double>(most));
        const bool may_be_small = small_.may_take(row, static_cast<double>(least));
        if (!may_be_large && !may_be_small) continue;
        for (Index j = 0; j < plane.values.cols; ++j) {
            const Index column = plane.column + j;
            if (axes_.symmetric && column / rows_each_ == unit) continue;
            const auto value = static_cast<double>(entries[j]);
            if (may_be_large) large_.offer(row, value, column);
            if (may_be_small) small_.offer(row, value, column);
        }
    }
}

void Neighbours::merge(const mpi::Communicator& world) {
    for (const auto& [candidates, best] : {std::pair{&large_, &largest_}, std::pair{&small_, &smallest_}}) {
        if (!world.is_root()) *best = candidates->take_best();
        for (int rank = 1; rank < world.size(); ++rank) {
            BestEntries theirs = world.rank() == rank ? std::move(*best) : nothing(rows_, K_);
            mpi::broadcast_bytes(world, theirs.values.data(), rows_ * K_ * Index{sizeof(double)}, rank);
            mpi::broadcast_bytes(world, theirs.columns.data(), rows_ * K_ * Index{sizeof(std::int64_t)},
                                 rank);
            if (!world.is_root()) continue;
            for (Index k = 0; k < rows_ * K_; ++k) {
                if (theirs.columns[at(k)] >= 0)
                    candidates->offer(k / K_, theirs.values[at(k)], theirs.columns[at(k)]);
            }
        }
        if (world.is_root()) *best = candidates->take_best();
    }
}

Index most_neighbours(const Shape& shape) {
    const Index own = shape.axes.symmetric ? shape.total().rows_each : 0;
    return shape.columns(shape.total()) - own;
}

Index neighbours_bytes(const Shape& shape, Index K) {
    // both ends and, while they are merged, one of another rank; or what is found, and its copy for the file
    const Index entries = std::max(2 * capacity_of(shape, K) + K, 4 * K);
    return shape.rows(shape.total()) * (entries * entry_bytes + 2 * Index{sizeof(Index)});
}

Index found_neighbours_bytes(const Shape& shape, Index K) {
    return 2 * entry_bytes * shape.rows(shape.total()) * K;
}

template void Neighbours::take(const FinishedPlane<float>&);
template void Neighbours::take(const FinishedPlane<double>&);

}  // namespace tangram
