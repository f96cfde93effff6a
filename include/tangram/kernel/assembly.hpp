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

#include <functional>
#include <vector>

namespace tangram {

/// One matrix's block of kernel rows [row, row + values.rows) and columns [column, ..), in values of T.
template <class T>
struct FinishedPlane {
    Index matrix = 0;  ///< index into the list of kernel matrices
    Tile block;        ///< panels of its rows and columns; row < column for a mirrored plane
    Index row = 0;
    Index column = 0;
    ConstMatrixView<T> values;
};

template <class T>
using TileSink = std::function<void(const FinishedPlane<T>&)>;

/// Computes `tiles` from the panels in `store` on `threads` workers (the calling thread comes on top and
/// mostly waits) and hands every plane to `sink`, on the calling thread, in no fixed order. No memory is
/// allocated while tiles are computed. What the sink throws ends the loop and comes out here. Throws
/// Error(bad_input) naming samples if a kernel entry is not finite.
template <class T>
void assemble(const Network& network, const Reduction& reduction, const std::vector<KernelMatrix>& matrices,
              const PanelStore<T>& store, const std::vector<Tile>& tiles, int threads,
              const TileSink<T>& sink);

}  // namespace tangram
