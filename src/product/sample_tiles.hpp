#pragma once
// What the two products of samples have in common: features of a rank's own panels, their exchange, the tile loop. Private to
// product/.

#include "tangram/product/product.hpp"

namespace tangram {

/// The plan of a product whose features are exchanged: all at once, or in slices where they do not fit.
MemoryPlan plan_sample_tiles(const PlanRequest& request);

/// Collective. Row samples are the test set where there is one.
TileLoopReport compute_sample_tiles(const ComputeRequest& request);

Distribution distribute_sample_tiles(const Shape& shape, int ranks, int rank, const TileSet& done);

double sample_tile_operations(const Problem& problem, const Shape& shape);

/// Samples a panel, for `extent` samples: as --tile says, or a number that depends on the network, the reduction and the
/// precision only.
Index samples_of_panel(const Problem& problem, Index extent);

/// Axes, matrices and arrays of a product of samples; `rows` as the row axis.
Shape sample_shape(const Problem& problem, const Axes& axes);

}  // namespace tangram
