#pragma once
// The right-hand side of the probe: J (J^T v) for every parameter tensor and X (X^T v) for every layer's
// input, in float64. Private to output/entry_check.cpp, whose public header gives the formulas.

#include "tangram/output/entry_check.hpp"

#include <vector>

namespace tangram {

/// [matrix of shape.matrices]: (K_ref v) for all kernel rows, zero outside this rank's shard.
struct ProbeReference {
    std::vector<std::vector<double>> products;
};

/// Collective. The kernel's own product is the sum over all tensors, whether or not their components are
/// stored.
ProbeReference probe_reference(const mpi::Communicator& comm, const KernelShape& shape,
                               const Distribution& distribution, const Network& network,
                               const Reduction& reduction, const ReadSamples& read_samples,
                               const CheckResources& resources, std::uint64_t seed);

}  // namespace tangram
