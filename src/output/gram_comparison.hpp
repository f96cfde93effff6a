#pragma once
// The tile routine of the parameter Gram over a few samples against explicit Jacobians of the same samples. Private to
// output/parameter_gram_check.cpp.

#include "tangram/output/check_report.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/tangent/jacobian.hpp"

#include <vector>

namespace tangram {

/// Collective. One component a tensor into the report, and the total. `X` (M, d_0) and `gradients`: samples that lie near no
/// kink. Ranks share the tiles: `tiles` are this rank's.
void compare_gram_tiles(const mpi::Communicator& comm, const KernelShape& shape,
                        const std::vector<Tile>& tiles, const Network& network, const Reduction& reduction,
                        ConstMatrixView<double> X, const std::vector<SampleGradient>& gradients, int threads,
                        CheckReport& report);

}  // namespace tangram
