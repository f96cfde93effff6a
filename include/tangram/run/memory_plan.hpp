#pragma once
// What there is for a run on its node, and the product's plan within it (product/plan.hpp).

#include "tangram/product/product.hpp"
#include "tangram/support/mpi.hpp"

#include <optional>

namespace tangram {

/// Collective. The plan within `memory` bytes a rank (by default: this rank's share of what its node has left); the same on
/// every rank but for `base`. Throws AgreedError(no_resources) saying how much is needed if there is none. `request.room` is
/// filled in here.
MemoryPlan plan_memory(const mpi::Communicator& world, const Product& product, PlanRequest request,
                       std::optional<Index> memory);

/// Collective. Bytes that a rank may take beyond what it has: `memory` GiB in all, or its share of what its node has left; the
/// smallest of all ranks.
Index room_beyond_base(const mpi::Communicator& world, std::optional<double> memory);

}  // namespace tangram
