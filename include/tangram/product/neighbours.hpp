#pragma once
// The K largest and the K smallest entries of each row of a matrix, with their columns, kept while its tiles come by in any order:
//
//   of equal entries the smaller column comes first, so that no bit depends on who computed which tile
//   of a square matrix a unit's entries with itself are left out: each is its own nearest
//
//            rank 0            rank 1                               rank 0             rank 1
//   BEFORE   best of tiles     best of its own      AFTER merge()   best of all        as before
//            that it made
//
// Of each row and end up to 2 K entries are kept in no order; when there are so many, the K best stay (nth_element): an entry that
// comes by costs the same for any K. Memory: 80 K bytes a row on every rank.

#include "tangram/grid/plane_queue.hpp"
#include "tangram/grid/shape.hpp"
#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <vector>

namespace tangram {

/// One end of the order, (rows, K), best first; NaN and column -1 where a row has fewer entries that are numbers.
struct BestEntries {
    std::vector<double> values;
    std::vector<std::int64_t> columns;
};

/// One end of the order, while entries come by: (rows, capacity), of which the first count[row] are taken, the K best among them.
/// The K-th is at place K - 1 as soon as there are K: what does not come before it is none of the best.
class Candidates {
public:
    enum class End { largest, smallest };
    Candidates(Index rows, Index K, Index capacity, End end);

    /// NaN is none.
    void offer(Index row, double value, std::int64_t column);
    /// Whether a value could be among the best of the row.
    [[nodiscard]] bool may_take(Index row, double value) const;
    /// Leaves nothing behind.
    BestEntries take_best();

private:
    struct Entry {
        double value = 0;
        std::int64_t column = -1;
    };
    [[nodiscard]] bool comes_before(const Entry& a, const Entry& b) const;
    void keep_best(Index row);

    Index K_, capacity_;
    double sign_;  ///< -1 turns the order round
    std::vector<Entry> entries_;
    std::vector<Index> count_;
};

class Neighbours {
public:
    /// Of the total of `shape`. K >= 1.
    Neighbours(const Shape& shape, Index K);

    /// A plane of the total; NaN never counts.
    template <class T>
    void take(const FinishedPlane<T>& plane);
    /// Collective. Ends the taking: root leaves with the best of all ranks.
    void merge(const mpi::Communicator& world);

    [[nodiscard]] Index K() const { return K_; }
    [[nodiscard]] const BestEntries& largest() const { return largest_; }
    [[nodiscard]] const BestEntries& smallest() const { return smallest_; }

private:
    Axes axes_;
    Index rows_each_, rows_, K_;
    Candidates large_, small_;
    BestEntries largest_, smallest_;
};

/// Entries of a row that may be its neighbours: its columns, without those of its own unit in a square matrix.
Index most_neighbours(const Shape& shape);

/// Bytes that a rank takes, and those of what is found.
Index neighbours_bytes(const Shape& shape, Index K);
Index found_neighbours_bytes(const Shape& shape, Index K);

}  // namespace tangram
