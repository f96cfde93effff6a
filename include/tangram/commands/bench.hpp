#pragma once
// `tangram bench`: how close to the hardware the program comes. A random network and random samples go through
// the parts of a kernel run, and beside each part stands what the machine gives when nothing is in the way.

#include "tangram/run/bench_options.hpp"
#include "tangram/support/mpi.hpp"

namespace tangram {

/// Collective. Rank 0 prints the report; every rank returns the exit code.
int run_bench(const BenchOptions& options, const mpi::Communicator& world);

}  // namespace tangram
