#pragma once
// How many check samples a run can afford, by operation counts alone, so that the same run always has the same ones:
//
//   checks(M) <= (features + tiles + checks(M)) / 5         3 <= M <= 16
//
// The explicit reference of a sample, and the differences, are plain loops, each of whose products costs some of gemm's; what
// the probe costs does not depend on M and is taken off first. A dense chain, whose reference costs little beside its kernel, has 16.

#include "tangram/product/product.hpp"

namespace tangram {

inline constexpr Index most_check_samples = 16, fewest_check_samples = 3;

Index affordable_check_samples(const Product& product, const Problem& problem, const Shape& shape);

/// What the reference and the differences of a graph cost, in operations that take as long as gemm's in float64.
double operations_of_checks(const Problem& problem, Index check_samples);

}  // namespace tangram
