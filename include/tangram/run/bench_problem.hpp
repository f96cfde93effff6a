#pragma once
// What `tangram bench` computes the kernel of: a random network, or one from an ONNX file, the same on every rank, and this rank's shard
// of random samples, made in memory from a fixed seed.

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"
#include "tangram/product/product.hpp"
#include "tangram/run/bench_options.hpp"

namespace tangram {

struct BenchProblem {
    Network network;
    Reduction reduction;
    Shape shape;
    Distribution distribution;
    PanelRange panels;       ///< this rank's
    Matrix<double> samples;  ///< of this rank's shard, (n, d_0)
};

/// Rank `rank`'s part of the problem that the options describe. Not collective. Throws Error(usage) if --tile
/// makes tiles that a kernel file cannot hold.
BenchProblem make_bench_problem(const BenchOptions& options, int ranks, int rank);

}  // namespace tangram
