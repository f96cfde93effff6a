#pragma once
// What the checks against the explicit Jacobian begin with: backpropagation of the check samples, the derivatives
// against central differences, and what the network's own conditioning allows. Private to checks/*_check.cpp.

#include "tangram/checks/check_report.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <span>
#include <vector>

namespace tangram {

/// Collective. Backpropagates every row of X, each on one rank. samples[k] is the number of row k in the run; k where
/// none are given.
///
///   BEFORE   rank p has computed samples p, p + P, ..     AFTER   every rank has all of them
std::vector<SampleGradient> gradients_of(const mpi::Communicator& comm, const Network& network,
                                         const Reduction& reduction, ConstMatrixView<double> X,
                                         std::span<const std::int64_t> samples = {});

/// [k]: whether features and reference see sample k on different sides of some kink, or lie so close to it
/// that only rounding says on which.
std::vector<bool> near_kink(const Network& network, ConstMatrixView<double> X,
                            const std::vector<SampleGradient>& gradients);

/// Collective. J against central differences; a few samples tell, and ranks share them.
void check_finite_differences(const mpi::Communicator& comm, const Network& network,
                              const Reduction& reduction, std::span<const SampleGradient> gradients,
                              CheckReport& report);

/// Collective. Raises a tolerance that was not asked for to what the network's own conditioning allows in
/// float64, 1e-5 at most: the rounding of a dot product counts as 64 units.
void raise_tolerance(const mpi::Communicator& comm, const Network& network, const Reduction& reduction,
                     const std::vector<SampleGradient>& gradients, CheckReport& report);

}  // namespace tangram
