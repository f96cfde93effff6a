#pragma once
// The stored kernel on a few check samples against the explicit Jacobian:
//
//   K_ref = J J^T per parameter tensor, by tangent/jacobian.hpp        (M', M'), M' = M, or M C for full
//   K     = the entries of the stored tiles at these samples, read back from the file
//
// and the Jacobian itself against central differences.

#include "tangram/output/check_report.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/mpi.hpp"

#include <string>
#include <vector>

namespace tangram {

/// `wanted` samples (or all N) spread evenly from the first to the last. Depends on N alone.
std::vector<std::int64_t> spread_check_samples(Index samples, Index wanted);

/// Collective. Fills the report's components (all but probe_error), total, eigenvalue, finite differences and
/// the two matrices. `X` (M, d_0): the check samples report.samples, the same on every rank. Ranks share the
/// work. Samples whose preactivations the features and the reference see on different sides of a kink are
/// counted and left out.
void check_against_jacobian(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                            const Network& network, const Reduction& reduction, ConstMatrixView<double> X,
                            CheckReport& report);

}  // namespace tangram
