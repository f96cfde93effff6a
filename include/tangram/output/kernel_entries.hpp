#pragma once
// Some entries of a kernel file and of another program's kernel: those between a few samples, which meet every tile.

#include "tangram/output/explanation.hpp"
#include "tangram/output/kernel_file.hpp"
#include "tangram/output/other_kernel.hpp"
#include "tangram/output/tile_file.hpp"
#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <vector>

namespace tangram {

/// What the attributes of the file say of the kernel and its components (of the kernel as its one component, where none are
/// stored). One rank. Throws Error(io).
KernelFacts read_facts(const KernelFile& kernel);

/// `wanted` of `samples` samples by a hash of `seed`, ascending; all of them if there are no more.
std::vector<Index> choose_samples(Index samples, Index wanted, std::uint64_t seed);

/// Row `row` of matrix `m`, whole. Throws Error(io).
void read_row(const TileFile& file, const KernelShape& shape, std::size_t m, Index row,
              std::vector<double>& out);

/// Collective. The fit of OTHER's entries on those of the stored components: of all entries up to a million, of those between
/// a thousand chosen rows beyond. `diagonal`: K_ii. The same on every rank. Throws AgreedError.
FitProblem fit_problem(const mpi::Communicator& world, const KernelFile& kernel, const TileFile& file,
                       const OtherKernel& other, const std::vector<double>& diagonal);

/// The same from matrices in memory: components[k] and `other`, (n, n).
FitProblem fit_problem(const mpi::Communicator& self, const std::vector<Matrix<double>>& components,
                       const Matrix<double>& other, double rounding);

}  // namespace tangram
