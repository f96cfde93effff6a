#pragma once
// Rows E of a sample that depend on what the network gives for it, as the reference makes them, and the functions F of the
// outputs whose gradients they are, for differences of the loss itself:
//
//   loss, cross-entropy   F = sum_c t_c log(1 + exp(-m_c))             m_c = y_c - log sum_{o != c} exp(y_o)
//   loss, mse             F = sum_o (y_o - t_o)^2 / C
//   margin                F = m_c of the sample's class
//   sqrt-hessian          F_r = sqrt(p_r) log p_r, sqrt(p_r) staying as it is at the sample
//
// Everything goes through the margins m, not through the softmax that features are made with.

#include "tangram/tangent/reference/jacobian.hpp"

#include <span>
#include <vector>

namespace tangram {

/// Fills sample.E, and sample.E_sizes, from sample.outputs, of the reduction sample.of_outputs.
void give_rows(SampleGradient& sample);

/// F (R) of it for other outputs y (C) of the same sample.
std::vector<double> row_functions(const SampleGradient& sample, std::span<const double> y);

}  // namespace tangram
