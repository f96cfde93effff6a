#pragma once
// How far rounding alone may have moved the values of one sample, so that two right computations may see them on
// different sides of a kink.
//
//   Dense        4 eps (|a| |W| |x| + |b B|)                  its own only: a sum of many terms, as of MatMul and Convolve
//   Activate     |c phi'(z)| times that of z
//   Add          4 eps (|x| + |b y|) + that of x + |b| that of y
//   Mul          4 eps |x y| + |y| that of x + |x| that of y
//   Power        4 eps |x^y| + |d(x^y)/dx| that of x + |d(x^y)/dy| that of y
//   Softmax      4 eps c p (2 + max z - z + sum over k of p_k (max z - z_k)) + sum over k of |dx/dz_k| that of z_k; of log p
//                without the first p
//   Apply        4 eps |f(x)|, affine 4 eps (|a x| + |b|), + |f'(x)| that of x
//   Arrange      that of x_from
//   Combine      sum over the window of |weight| (4 eps |x_from| + that of x_from)
//   Largest      the largest of its window
//   Standardize  4 eps |y| + a bound of sum over k of |dy/dx_k| (4 eps |x_k| + that of x_k)
//   Lookup, Choose        that of what is taken
//   Parameter, Constant, Compare   none

#include "tangram/tangent/reference/jacobian.hpp"

namespace tangram {

/// [value]: (size); 0 where all terms are exactly zero, and for the input.
std::vector<std::vector<double>> rounding_of_values(const Network& network, const SampleGradient& sample);

}  // namespace tangram
