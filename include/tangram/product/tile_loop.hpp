#pragma once
// All tiles of a rank, and the exchange that brings what they need: load by load (grid/schedule.hpp), the next
// slice of features on its way while the tiles of this one are computed.
//
//   gather 0 | tiles of 0              | tiles of 1              | ..
//            | gather 1, while computed | gather 2, while computed |
//
// When the job stops on the way, ranks may be at different loads, but a gather needs them all:
//
//   BEFORE   rank 0   gathers 0 1 2 3        AFTER   rank 0   0 1 2 3
//            rank 1   gathers 0 1                    rank 1   0 1 2 3     no tile is computed any more

#include "tangram/grid/exchange.hpp"
#include "tangram/grid/partition.hpp"
#include "tangram/product/assembly.hpp"

namespace tangram {

/// What stays the same from the first tile to the last.
struct TileLoopSetup {
    const mpi::Communicator& world;
    const Network& network;
    const Reduction& reduction;
    const Shape& shape;
    int threads = 1;
    const Measuring* measuring = nullptr;  ///< of the blocks on their way; nothing where null
};

/// What the caller decides while the tiles are computed.
struct TileLoopControl {
    /// As assemble() asks it; once it has said no on a rank, it does on all, soon.
    GoOn go_on = [] { return true; };
    /// Collective. Waits until all ranks have no tile left, or the job stops: false, then, on all ranks.
    GoOn all_done = [] { return true; };
};

struct TileLoopReport {
    bool stopped = false;  ///< before all tiles were computed; the same on all ranks
    double features_seconds = 0;
    double exchange_seconds = 0;  ///< in which nothing was computed
    double assemble_seconds = 0;
    Index bytes_received = 0;
};

/// Collective. `store` holds this rank's own panels. See assemble() for `sink`.
template <class T>
TileLoopReport run_tile_loop(const TileLoopSetup& setup, const Distribution& distribution,
                             FeatureStore<T>& store, const TileSink<T>& sink,
                             const TileLoopControl& control = {});

}  // namespace tangram
