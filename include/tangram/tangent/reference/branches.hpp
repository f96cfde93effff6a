#pragma once
// Where an operator has kinks, the side of each that a value lies on, and the index of each maximum, are the branch that its
// derivative takes. Exact ties follow the operator's rule, so that equal values take equal branches.

#include "tangram/tangent/reference/jacobian.hpp"

namespace tangram {

/// Whether another forward pass of the same sample, values [value] (1, size), takes another branch than the reference anywhere
/// on the way from a parameter to the output.
bool takes_other_branch(const Network& network, const SampleGradient& sample,
                        std::span<const Matrix<double>> values);

}  // namespace tangram
