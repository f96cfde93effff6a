#pragma once
// The tiles of samples against samples. Each tile is computed from two panels, step by step (tangent/forms.hpp), with one
// BLAS thread; of a symmetric matrix in one orientation (I >= J), then mirrored: the same bits on any number of ranks
// and threads.
//
//   for each step:    prepare G, H    total += the step's kernels    each tensor's kernel, where it is stored
//
// Where a step's rows of J are made in the loop, tiles are computed in groups (product/tile_groups.hpp).
//
// Threads take tiles; each finished plane (one matrix's part of one tile) goes through a bounded queue to the
// calling thread, which hands it to the sink: only that thread may call MPI or HDF5.

#include "tangram/grid/plane_queue.hpp"
#include "tangram/grid/shape.hpp"
#include "tangram/product/feature_store.hpp"
#include "tangram/product/measuring.hpp"
#include "tangram/tangent/forms.hpp"

#include <vector>

namespace tangram {

/// One cache line beside each row of J: rows whose starts lie a power of two apart fall on few sets of the cache.
template <class T>
inline constexpr Index row_padding = 64 / sizeof(T);

/// What tiles in groups need: (side x side) tiles that share (2 side) panels' rows of J; side is 0 where no step makes rows.
struct GroupSizes {
    Index side = 0;
    Index tile_values = 0;    ///< of all tiles: the total and H of each
    Index rows_of_panel = 0;  ///< values of J of a panel, for the largest block
    Index scratch = 0;        ///< values a thread
    [[nodiscard]] Index values(int threads) const {
        return tile_values + 2 * side * rows_of_panel + threads * scratch;
    }
};
GroupSizes group_sizes(const Shape& shape, const Network& network, const Reduction& reduction, int threads);

template <class T>
struct GroupMemory {
    Index side = 0, rows_of_panel = 0;
    AlignedBuffer<T> tiles;                 ///< total and H of each tile
    AlignedBuffer<T> rows;                  ///< J of each panel
    std::vector<AlignedBuffer<T>> scratch;  ///< one a thread
};

/// The memory of the tile loop, allocated once: scratch for each thread, and the planes that circulate between the
/// threads and the writer.
template <class T>
struct TileWorkspace {
    TileWorkspace(const Shape& shape, const Network& network, const Reduction& reduction, int threads,
                  const Measuring* measuring = nullptr);

    PlaneQueue<T> queue;
    std::vector<GramScratch<T>> scratch;  ///< one a thread
    GroupMemory<T> groups;
    std::vector<MeasureScratch> measures;  ///< one a thread, where something is measured
    AlignedBuffer<T> kept;  ///< of tiles under way, for what is measured of all matrices at once
    [[nodiscard]] int threads() const { return static_cast<int>(scratch.size()); }
};

/// Bytes of a workspace; and what measuring adds to them.
Index workspace_bytes(const Shape& shape, const Network& network, const Reduction& reduction, int threads);
Index measuring_bytes(const Measuring& measuring, const Network& network, const Reduction& reduction,
                      int threads);

inline constexpr Index not_stored = -1;

/// The matrices that a step makes, by number, or not_stored.
struct StepPlanes {
    Index conjugate = not_stored;  ///< of its input
    std::vector<Index> tensors;    ///< of each of its tensors
};

/// What the tiles of a run have in common.
template <class T>
struct TileProblem {
    TileProblem(const Network& network, const Reduction& reduction, const Shape& shape,
                const FeatureStore<T>& store, const Measuring* measuring = nullptr);
    const Shape& shape;
    const Measuring* measuring;
    const FeatureStore<T>& store;
    bool full;
    std::vector<PreparedStep> steps;
    std::vector<StepPlanes> planes;  ///< [step]
};

/// Computes `tiles`, whose panels the store holds, on the threads of the workspace (the calling thread comes on
/// top and mostly waits) and hands every plane to `sink`, on the calling thread, in no fixed order. Once
/// `go_on` says no, the tiles under way are finished. No memory is allocated.
/// What sink and go_on throw ends the loop and comes out here. Throws Error(bad_input) naming samples if a
/// kernel entry is not finite.
template <class T>
void assemble(const TileProblem<T>& problem, const std::vector<Tile>& tiles, TileWorkspace<T>& workspace,
              const TileSink<T>& sink, const GoOn& go_on);

}  // namespace tangram
