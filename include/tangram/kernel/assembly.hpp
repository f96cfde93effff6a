#pragma once
// The tile loop. Each tile is computed from two panels, layer by layer, in one orientation (I >= J) and with
// one BLAS thread, then mirrored: the same bits on any number of ranks and threads.
//
//   for each layer l:    G = X_I X_J^T      H = S_I S_J^T  (or the constant of a linear output)
//                        K[W_l] = a_l^2 G o H      K[B_l] = b_l^2 H      K += K[W_l] + K[B_l]
//
// Threads take tiles; each finished plane (one matrix's part of one tile) goes through a bounded queue to the
// calling thread, which hands it to the sink: only that thread may call MPI or HDF5.

#include "tangram/kernel/matrices.hpp"
#include "tangram/kernel/panel_store.hpp"
#include "tangram/kernel/tile_workspace.hpp"

#include <functional>
#include <vector>

namespace tangram {

template <class T>
using TileSink = std::function<void(const FinishedPlane<T>&)>;

/// What the tiles of a run have in common.
template <class T>
struct TileProblem {
    const Network& network;
    const Reduction& reduction;
    const std::vector<KernelMatrix>& matrices;
    const PanelStore<T>& store;
};

/// Asked on the calling thread after each plane and every few milliseconds; false: begin no further tile.
using GoOn = std::function<bool()>;

/// Computes `tiles`, whose panels the store holds, on the threads of the workspace (the calling thread comes on
/// top and mostly waits) and hands every plane to `sink`, on the calling thread, in no fixed order. Once
/// `go_on` says no, the tiles under way are finished. No memory is allocated.
/// What sink and go_on throw ends the loop and comes out here. Throws Error(bad_input) naming samples if a
/// kernel entry is not finite.
template <class T>
void assemble(const TileProblem<T>& problem, const std::vector<Tile>& tiles, TileWorkspace<T>& workspace,
              const TileSink<T>& sink, const GoOn& go_on);

}  // namespace tangram
