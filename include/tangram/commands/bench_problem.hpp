#pragma once
// What `tangram bench` computes the kernel of: a random network, the same on every rank, and this rank's shard
// of random samples, made in memory from a fixed seed.

#include "tangram/commands/bench.hpp"
#include "tangram/model/network.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/tangent/reduction.hpp"

namespace tangram {

struct BenchProblem {
    Network network;
    Reduction reduction;
    KernelShape shape;
    Distribution distribution;
    Matrix<double> samples;  ///< of this rank's shard, (n, d_0)
};

/// Rank `rank`'s part of the problem that the options describe. Not collective. Throws Error(usage) if --tile
/// makes tiles that a kernel file cannot hold.
BenchProblem make_bench_problem(const BenchOptions& options, int ranks, int rank);

}  // namespace tangram
