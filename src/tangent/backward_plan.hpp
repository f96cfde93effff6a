#pragma once
// Which values' sensitivities are needed, and in which buffers they lie while they are: a value's is begun by its last
// consumer and is done with when the node that makes the value has been pulled back. Private to tangent/features.cpp.

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <vector>

namespace tangram {

struct BackwardPlan {
    static constexpr Index nowhere = -1;
    std::vector<Index> buffer;  ///< [value]: where its sensitivity lies, or nowhere: it is not needed
    std::vector<Index> widths;  ///< [buffer]: entries of the largest value in it
};

/// Sensitivities are needed of values on the way from a tensor to the output, but for those of tensors whose gradients are made
/// in the tile loop (tangent/steps.hpp). A dense chain has two buffers in turn.
BackwardPlan plan_backward(const Network& network, const Reduction& reduction);

}  // namespace tangram
