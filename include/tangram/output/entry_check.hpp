#pragma once
// Every entry of every stored tile, read back once:
//
//   probe              K v against J (J^T v), v a fixed random +-1 vector, for the kernel and each component;
//                      X (X^T v) for the conjugate kernels
//   symmetry           tile (I, J) against the transpose of tile (J, I)
//   sum of components  the kernel against the sum of its components
//   diagonal           squared norms, as all of them are: none is negative
//
// J (J^T v) is computed in float64 from features computed afresh, never from tiles. Per tensor and
// sensitivity r:
//
//   U = v * S_l,r                             (n, d_l)
//   V = sum over all ranks of U^T X_{l-1}     (d_l, d_{l-1})
//   J (J^T v) = a_l^2 sum_k (S_l,r)_k (X_{l-1} V^T)_k
//
// What the probe can see: a wrong entry shifts its row's product by its error, which is held against the sum
// of that row's absolute values. In float32 at N = 100 000 an error of one entry of its own size is at the
// tolerance. Work: O(N P R) for the reference, and one reading of the file.

#include "tangram/model/samples.hpp"
#include "tangram/output/check_report.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/mpi.hpp"

#include <string>

namespace tangram {

/// Entry `row` of the probe vector: +1 or -1, a hash of seed and row, the same everywhere.
double probe_sign(std::uint64_t seed, Index row);

struct CheckResources {
    int threads = 1;
    bool keep_features = true;  ///< of the shard in float64; otherwise they are computed again for each layer
};

/// Collective. Fills the report's probe errors, worst row, symmetry error, sum of components, smallest
/// diagonal entry and conjugate kernels.
void check_all_entries(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                       const Distribution& distribution, const Network& network, const Reduction& reduction,
                       const ReadSamples& read_samples, const CheckResources& resources, CheckReport& report);

}  // namespace tangram
