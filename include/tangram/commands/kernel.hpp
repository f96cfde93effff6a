#pragma once
// `tangram kernel`: from a trained network and its samples to a verified kernel file.

#include "tangram/run/kernel_options.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/support/stop_request.hpp"

namespace tangram {

/// Collective. Runs the command; returns its exit code: done, or stopped on request.
int run_kernel(const KernelOptions& options, const mpi::Communicator& world, StopRequest& stop);

}  // namespace tangram
