#pragma once
// The allgather of features on the r x c grid of ranks: one along each rank's grid row, one along its grid
// column.
//
//                       b = 0      b = 1                          b = 0        b = 1
//   BEFORE      a = 0    {0}        {1}       AFTER      a = 0  {0, 1, 2}    {0, 1, 3}
//               a = 1    {2}        {3}                  a = 1  {0, 2, 3}    {1, 2, 3}
//
//   {s}: the panels of shard s. Every pair of shards then lies together on at least one rank.
//
// A rank receives N D (1/r + 1/c - 2/P) values, D = sum of d_{l-1} + R d_l over the matrices that panels
// hold.

#include "tangram/kernel/panel_store.hpp"
#include "tangram/support/mpi.hpp"

namespace tangram {

/// Collective. Completes the store of every rank. `world` are all ranks; those beyond the grid hold nothing
/// and take no part. Returns the bytes that this rank received.
template <class T>
Index exchange(const mpi::Communicator& world, const Grid& grid, PanelStore<T>& store);

}  // namespace tangram
