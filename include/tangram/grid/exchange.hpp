#pragma once
// The allgather of features on the r x c grid of ranks: one along each rank's grid row, one along its grid
// column; whole, or slice by slice (grid/schedule.hpp) while tiles are computed.
//
//                       b = 0      b = 1                          b = 0        b = 1
//   BEFORE      a = 0    {0}        {1}       AFTER      a = 0  {0, 1, 2}    {0, 1, 3}
//               a = 1    {2}        {3}                  a = 1  {0, 2, 3}    {1, 2, 3}
//
//   {s}: the panels of shard s, or of one slice of it. Every pair of shards then lies together on at least one
//   rank. Of a rectangular matrix the grid row brings row panels only, the grid column column panels only:
//
//   AFTER       a = 0  rows {0, 1} columns {0, 2}    rows {0, 1} columns {1, 3}
//               a = 1  rows {2, 3} columns {0, 2}    rows {2, 3} columns {1, 3}
//
// A rank receives N D (1/r + 1/c - 2/P) values, D = values of a sample that panels
// hold, once where it holds everything.

#include "tangram/grid/panel_store.hpp"
#include "tangram/support/mpi.hpp"

#include <deque>
#include <vector>

namespace tangram {

/// The exchange of one run. Ranks beyond the grid hold nothing and take no part in what is collective.
/// Like every MPI call, all of this belongs to the main thread.
template <class T>
class Exchange {
public:
    /// Collective. `store` stays where it is until the exchange is gone.
    Exchange(const mpi::Communicator& world, const Grid& grid, PanelStore<T>& store);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// Collective. Begins to gather a slice into an area, which nobody may be reading. The one before is done.
    void start(Index slice, Index area);
    /// Lets MPI move bytes: it does so only when it is called. Returns whether the slice is there.
    bool progress();
    /// Collective. Until the slice is there.
    void wait();

    /// Bytes that this rank has received.
    [[nodiscard]] Index bytes_received() const { return bytes_received_; }

private:
    /// The ranks of one grid row or column, and their shards in rank order.
    struct Line {
        mpi::Communicator comm;
        std::vector<int> shards;
    };
    void gather_along(const Line& line, bool of_columns, Index slice);

    Grid grid_;
    PanelStore<T>& store_;
    Line row_, column_;   ///< without shards on an idle rank
    mpi::Block granule_;  ///< what counts and places are numbers of
    std::vector<MPI_Request> requests_;
    std::deque<std::vector<int>>
        arguments_;  ///< counts and places, which MPI reads until the requests are done
    Index bytes_received_ = 0;
};

extern template class Exchange<float>;
extern template class Exchange<double>;

}  // namespace tangram
