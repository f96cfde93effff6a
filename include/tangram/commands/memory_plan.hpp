#pragma once
// What a run will have in memory, known before it starts: for the rank with the most, in bytes.
//
//   peak = base + max( samples + own features + scratch        while features are computed
//                      held features + tiles                   in the tile loop
//                      checks )                                afterwards
//
// For J^T J the features are of batches of all samples, and the tiles are sums.
// Where the features of all ranks do not fit, they pass through in slices (kernel/schedule.hpp).

#include "tangram/kernel/parameter_gram.hpp"
#include "tangram/kernel/schedule.hpp"
#include "tangram/model/network.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/tangent/reduction.hpp"

#include <optional>

namespace tangram {

struct MemoryPlan {
    Index base = 0;           ///< what the process has before it begins: program, libraries, network
    Index samples = 0;        ///< the shard's samples and outputs in float64
    Index own_features = 0;   ///< of the shard
    Index held_features = 0;  ///< of the shard and of what it has gathered
    Index scratch = 0;        ///< of the feature threads
    Index tiles = 0;          ///< workspace of the tile loop, and the checksums
    Index checks = 0;
    Index budget = 0;  ///< what there is for it
    Residency residency;
    bool keep_probe_features = true;  ///< whether the checks keep the shard's features, or compute them again
    GramPace gram{};                  ///< of J^T J: tiles and features under way
    [[nodiscard]] Index peak() const;
};

/// What the plan is made for.
struct PlannedRun {
    const Network& network;
    const Reduction& reduction;
    const KernelShape& shape;
    const Distribution& distribution;
    int threads = 1;
    Index check_samples = 0;
};

/// Collective. The plan that moves the fewest bytes within `memory` bytes a rank (by default: this rank's share
/// of what its node has left); the same on every rank but for `base`. Throws AgreedError(no_resources) saying how
/// much is needed if there is none.
MemoryPlan plan_memory(const mpi::Communicator& world, const PlannedRun& run, std::optional<Index> memory);

/// Collective. The same for J^T J: the features of all samples stay where they take no more than a quarter of the
/// memory, else they are computed again in every pass (kernel/parameter_gram.hpp).
MemoryPlan plan_gram_memory(const mpi::Communicator& world, const PlannedRun& run,
                            std::optional<Index> memory);

/// Collective. What one rank may take: what it has already, and its share of what is left on its node.
Index share_of_node(const mpi::Communicator& world);

}  // namespace tangram
