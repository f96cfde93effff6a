#pragma once
// All tiles of a rank, and the exchange that brings what they need: step by step (kernel/schedule.hpp), the next
// slice of features on its way while the tiles of this one are computed.
//
//   gather 0 | tiles of 0              | tiles of 1              | ..
//            | gather 1, while computed | gather 2, while computed |

#include "tangram/kernel/assembly.hpp"
#include "tangram/kernel/exchange.hpp"

namespace tangram {

struct TileLoopReport {
    double exchange_seconds = 0;  ///< in which nothing was computed
    double assemble_seconds = 0;
    Index bytes_received = 0;
};

/// Collective. `store` holds this rank's own panels. See assemble() for `sink` and `between`.
template <class T>
TileLoopReport run_tile_loop(const mpi::Communicator& world, const Distribution& distribution,
                             const Network& network, const Reduction& reduction,
                             const std::vector<KernelMatrix>& matrices, PanelStore<T>& store, int threads,
                             const TileSink<T>& sink, const std::function<void()>& between);

}  // namespace tangram
