#pragma once
// Another program's kernel against ours on a few samples, computed again from the recorded inputs by explicit Jacobians
// (tangent/jacobian.hpp): for reductions that the kernel file is not of, and components that it does not hold.

#include "tangram/commands/recorded_run.hpp"
#include "tangram/output/explanation.hpp"
#include "tangram/output/other_kernel.hpp"

#include <string>

namespace tangram {

struct RecomputedComparison {
    Index samples = 0;
    double largest = 0;  ///< max |K|
    double worst = 0;    ///< max |OTHER - K|
    bool equal = false;
    Explanation explanation;  ///< if not equal
};

/// Collective. Of `reduction`. `equal` and `explanation.holds` on every rank, the rest on root. Throws AgreedError where the inputs are not to be had.
RecomputedComparison compare_recomputed(const mpi::Communicator& world, const KernelFile& kernel,
                                        const OtherKernel& other, const std::string& reduction,
                                        const MovedInputs& moved, double tolerance);

/// Collective. A verdict that begins with "sum" or "mean" if OTHER is of another reduction than the file; "" if of none.
/// Throws AgreedError where the inputs are not to be had.
std::string find_reduction(const mpi::Communicator& world, const KernelFile& kernel, const OtherKernel& other,
                           const MovedInputs& moved, double tolerance);

}  // namespace tangram
