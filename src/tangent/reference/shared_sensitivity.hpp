#pragma once
// The sensitivity of a value that depends on no sample, as large as the tensors that it is made of, so that it is made when it
// is asked for: from the sensitivities of the nodes where it meets the sample.

#include "tangram/tangent/reference/jacobian.hpp"

namespace tangram::reference {

/// Rows [first, first + count) of those that the sample follows, (count, size); without rows where no path leads from the value
/// to the output.
Matrix<double> shared_sensitivity(const Network& network, const SampleGradient& sample, Index value,
                                  Index first, Index count);

}  // namespace tangram::reference
