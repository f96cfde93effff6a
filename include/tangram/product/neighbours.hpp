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
// Memory: 64 K bytes a row on every rank.

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

class Neighbours {
public:
    /// Of the total of `shape`. K >= 1.
    Neighbours(const Shape& shape, Index K);

    /// A plane of the total; NaN never counts.
    template <class T>
    void take(const FinishedPlane<T>& plane);
    /// Collective. Root leaves with the best of all ranks.
    void merge(const mpi::Communicator& world);

    [[nodiscard]] Index K() const { return K_; }
    [[nodiscard]] const BestEntries& largest() const { return largest_; }
    [[nodiscard]] const BestEntries& smallest() const { return smallest_; }

private:
    Axes axes_;
    Index rows_each_, K_;
    BestEntries largest_, smallest_;
};

/// Entries of a row that may be its neighbours: its columns, without those of its own unit in a square matrix.
Index most_neighbours(const Shape& shape);

/// Bytes that a rank takes.
Index neighbours_bytes(const Shape& shape, Index K);

}  // namespace tangram
