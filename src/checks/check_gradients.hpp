#pragma once
// What the checks against the explicit Jacobian begin with: backpropagation of the check samples, the derivatives
// against central differences, and what the network's own conditioning allows. Private to checks/*_check.cpp.

#include "tangram/checks/product_check.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <span>
#include <vector>

namespace tangram {

/// Collective. Backpropagates every row of X, each on one rank and thread, for the rows of the reduction. samples[k] is the number
/// of row k in the run; k where none are given.
///
///   BEFORE   rank p has computed samples p, p + P, ..     AFTER   every rank has all of them
std::vector<SampleGradient> gradients_of(const mpi::Communicator& comm, const Network& network,
                                         const Reduction& reduction, ConstMatrixView<double> X,
                                         std::span<const std::int64_t> samples = {}, int threads = 1);

/// [k]: whether features and reference take different branches at sample k: see it on different sides of some kink, or find
/// another entry largest; or whether it lies so close to a kink, but not at it, that only rounding says on which side.
std::vector<bool> near_kink(const Network& network, ConstMatrixView<double> X,
                            const std::vector<SampleGradient>& gradients);

/// Collective. Samples of a set with their gradients, and which of them are not to be compared.
CheckSet check_set_of(const ProductFile& file, const CheckInputs& inputs, SetOfSamples which,
                      const std::vector<std::int64_t>& samples);

/// How many tensors' kernels are added up in the precision of the file.
Index summed_tensors(const ProductFile& file);

/// Collective. Tolerances for what these samples' gradients show.
void settle_tolerances(const ProductFile& file, const CheckSet& set, CheckReport& report);

/// Collective. J against central differences, along a direction of all tensors for each sample, and of each tensor for one of
/// them; ranks and threads share the directions.
void check_finite_differences(const mpi::Communicator& comm, const Network& network, const CheckSet& set,
                              int threads, CheckReport& report);

/// Collective. Raises a tolerance that was not asked for to what the network's own conditioning allows in
/// float64, 1e-5 at most: the rounding of a dot product counts as 64 units.
void raise_tolerance(const mpi::Communicator& comm, const Network& network,
                     const std::vector<SampleGradient>& gradients, CheckReport& report);

}  // namespace tangram
