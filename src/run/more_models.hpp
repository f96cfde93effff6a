#pragma once
// The models beside the first, of a run that compares the kernels of several. Private to run/.

#include "tangram/run/inputs.hpp"

namespace tangram {

/// Collective. Reads them one by one, and puts all networks and their reductions side by side (network/joined.hpp). `inputs`: those of
/// the first model, whole. Throws AgreedError where a model is of another architecture.
void join_more_models(const KernelOptions& options, const mpi::Communicator& world,
                      const std::function<void()>& may_stop, Inputs& inputs);

}  // namespace tangram
