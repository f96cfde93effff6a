#include "tangram/grid/exchange.hpp"

#include "tangram/support/narrow.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Most of what one rank gives to one call: keeps the messages below 2^31 bytes and the buffers inside MPI
/// small.
constexpr Index call_bytes = Index{1} << 28;

/// The shards of a rank's grid row or column, in the order of its ranks; none for an idle rank.
std::vector<int> shards_of_row(const Grid& grid, int rank) {
    std::vector<int> shards;
    for (int b = 0; b < grid.cols && rank < grid.active(); ++b)
        shards.push_back(grid.row_of(rank) * grid.cols + b);
    return shards;
}

std::vector<int> shards_of_column(const Grid& grid, int rank) {
    std::vector<int> shards;
    for (int a = 0; a < grid.rows && rank < grid.active(); ++a)
        shards.push_back(a * grid.cols + grid.col_of(rank));
    return shards;
}

/// The colour of a line of ranks, or none for an idle rank.
int colour(const Grid& grid, int rank, int line) {
    return rank < grid.active() ? line : -1;
}

/// Granules of the blocks of some panels.
template <class T>
Index granules(const PanelStore<T>& store, const PanelRange& range) {
    Index values = 0;
    for (Index panel = range.begin; panel < range.end; ++panel) values += store.block_size(panel);
    return values * static_cast<Index>(sizeof(T)) / granule_bytes;
}

}  // namespace

template <class T>
Exchange<T>::Exchange(const mpi::Communicator& world, const Grid& grid, PanelStore<T>& store)
    : grid_(grid),
      store_(store),
      row_{world.split(colour(grid, world.rank(), grid.row_of(world.rank())), world.rank()),
           shards_of_row(grid, world.rank())},
      column_{world.split(colour(grid, world.rank(), grid.col_of(world.rank())), world.rank()),
              shards_of_column(grid, world.rank())},
      granule_(granule_bytes) {}

/// Begins the allgather of a slice along one line, of the row panels or of the column panels. Every rank's own part is in its place already.
template <class T>
void Exchange<T>::gather_along(const Line& line, bool of_columns, Index slice) {
    if (line.shards.size() < 2) return;
    const Index slot_granules = store_.slot_size() * static_cast<Index>(sizeof(T)) / granule_bytes;
    const Index most = std::max<Index>(1, call_bytes / granule_bytes / slot_granules);
    std::vector<PanelRange> ranges;
    Index longest = 0;
    for (const int shard : line.shards) {
        const std::vector<PanelRange> runs = panels_of_shard(store_.axes(), grid_, shard);
        ranges.push_back(
            slice_of_shard(of_columns ? runs.back() : runs.front(), store_.residency().slices, slice));
        longest = std::max(longest, ranges.back().size());
    }
    for (Index first = 0; first < longest; first += most) {
        std::vector<int>& counts = arguments_.emplace_back();
        std::vector<int>& places = arguments_.emplace_back();
        for (std::size_t k = 0; k < ranges.size(); ++k) {
            const PanelRange part{std::min(ranges[k].begin + first, ranges[k].end),
                                  std::min(ranges[k].begin + first + most, ranges[k].end)};
            const Index count = granules(store_, part);
            const Index slot = count == 0 ? 0 : store_.slot_of(part.begin);
            counts.push_back(narrow(count, "blocks in a slice"));
            places.push_back(narrow(slot * slot_granules, "place of a panel in memory"));
            if (static_cast<int>(k) != line.comm.rank()) bytes_received_ += count * granule_bytes;
        }
        // A rank's own panels are read by the gather of its row and by that of its column at once: as they are
        // in place, neither writes there.
        MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, store_.slot(0), counts.data(), places.data(),
                        granule_.get(), line.comm.get(), &requests_.emplace_back(MPI_REQUEST_NULL));
    }
}

template <class T>
void Exchange<T>::start(Index slice, Index area) {
    store_.place(slice, area);
    gather_along(row_, false, slice);
    gather_along(column_, true, slice);
}

template <class T>
bool Exchange<T>::progress() {
    if (requests_.empty()) return true;
    int done = 0;
    MPI_Testall(narrow(static_cast<Index>(requests_.size()), "requests"), requests_.data(), &done,
                MPI_STATUSES_IGNORE);
    if (done != 0) {
        requests_.clear();
        arguments_.clear();
    }
    return requests_.empty();
}

template <class T>
void Exchange<T>::wait() {
    MPI_Waitall(narrow(static_cast<Index>(requests_.size()), "requests"), requests_.data(),
                MPI_STATUSES_IGNORE);
    requests_.clear();
    arguments_.clear();
}

template class Exchange<float>;
template class Exchange<double>;

}  // namespace tangram
