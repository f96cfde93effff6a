#include "tangram/kernel/exchange.hpp"

#include "tangram/support/narrow.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Most of what one rank gives to one call: keeps the messages below 2^31 bytes and the buffers inside MPI
/// small.
constexpr Index slice_bytes = Index{1} << 28;

/// One panel as one MPI element, so that counts and displacements are numbers of panels.
class PanelType {
public:
    explicit PanelType(Index bytes) {
        // Blocks are padded to cache lines, so 64 bytes divide them; counting lines keeps the int small.
        MPI_Datatype line = MPI_DATATYPE_NULL;
        MPI_Type_contiguous(64, MPI_BYTE, &line);
        MPI_Type_contiguous(narrow(bytes / 64, "cache lines in a panel"), line, &type_);
        MPI_Type_commit(&type_);
        MPI_Type_free(&line);
    }
    ~PanelType() { MPI_Type_free(&type_); }
    PanelType(const PanelType&) = delete;
    PanelType& operator=(const PanelType&) = delete;
    [[nodiscard]] MPI_Datatype get() const { return type_; }

private:
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

/// Collective over `line`, the ranks of one grid row or column, whose shards are `shards` in rank order: each
/// rank's panels reach their slots on all the others. Returns the bytes that this rank received.
template <class T>
Index gather_along(const mpi::Communicator& line, const std::vector<int>& shards, const Grid& grid,
                   PanelStore<T>& store) {
    const Index panel_bytes = store.layout().size * static_cast<Index>(sizeof(T));
    const PanelType panel_type(panel_bytes);
    const Index step = std::max<Index>(1, slice_bytes / panel_bytes);
    std::vector<Index> counts;
    for (const int shard : shards) counts.push_back(shard_panels(store.panels(), grid, shard).size());
    const Index longest = *std::max_element(counts.begin(), counts.end());

    Index received = 0;
    for (Index first = 0; first < longest; first += step) {
        std::vector<int> slice_counts;
        std::vector<int> slots;
        for (std::size_t k = 0; k < shards.size(); ++k) {
            const Index count = std::clamp<Index>(counts[k] - first, 0, step);
            slice_counts.push_back(narrow(count, "panels in a slice"));
            slots.push_back(
                narrow(store.first_slot(shards[k]) + std::min(first, counts[k]), "slot of a panel"));
            if (static_cast<int>(k) != line.rank()) received += count * panel_bytes;
        }
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, store.slot(0), slice_counts.data(), slots.data(),
                       panel_type.get(), line.get());
    }
    return received;
}

}  // namespace

template <class T>
Index exchange(const mpi::Communicator& world, const Grid& grid, PanelStore<T>& store) {
    const int rank = world.rank();
    const bool active = rank < grid.active();
    const mpi::Communicator row = world.split(active ? grid.row_of(rank) : -1, rank);
    const mpi::Communicator column = world.split(active ? grid.col_of(rank) : -1, rank);
    if (!active) return 0;

    std::vector<int> row_shards;
    std::vector<int> column_shards;
    for (int b = 0; b < grid.cols; ++b) row_shards.push_back(grid.row_of(rank) * grid.cols + b);
    for (int a = 0; a < grid.rows; ++a) column_shards.push_back(a * grid.cols + grid.col_of(rank));
    return gather_along(row, row_shards, grid, store) + gather_along(column, column_shards, grid, store);
}

template Index exchange(const mpi::Communicator&, const Grid&, PanelStore<float>&);
template Index exchange(const mpi::Communicator&, const Grid&, PanelStore<double>&);

}  // namespace tangram
