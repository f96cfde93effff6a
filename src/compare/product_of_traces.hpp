#pragma once
// The dense formula (S S^T) o (X X^T), taken over to a weight that is used at T positions, is not its kernel, which is the sum over
// all pairs of positions of (s_p . s'_q)(x_p . x'_q). What people's programs then have, of every such weight, group by group:
//
//   product of traces     (sum_p s_p . s'_p)(sum_p x_p . x'_p)                  x_p: patches of a convolution
//   product of traces     (sum_p s_p . s'_p)(x . x')                            x: a convolution's input as it is, no patches
//   product of sums       (sum_p s_p . sum_q s'_q)(sum_p x_p . sum_q x'_q)
//   weight not shared     sum_p (s_p . s'_p)(x_p . x'_p)                        each position with a weight of its own
//
// as they are or divided by T (one factor a mean over positions), T^2 or T^4 (both factors, or all four means); biases right, or
// position by position: sum_p s_p . s'_p. Private to compare/.

#include "few_gradients.hpp"

namespace tangram::recomputing {

/// A kernel that such a formula gives: its components, one a tensor of the network, and what it is in words.
struct PositionFormula {
    std::string words;
    std::vector<Matrix<double>> components;
};

/// Whether any weight has more than one position.
bool has_positions(const Network& network);

/// How many there are to ask for, and formula `which`. `right`: the true components of the same rows and columns.
std::size_t position_formulas();
PositionFormula position_formula(const Network& network, const Reduction& reduction,
                                 const std::vector<SampleGradient>& rows,
                                 const std::vector<SampleGradient>& columns,
                                 const std::vector<Matrix<double>>& right, std::size_t which);

}  // namespace tangram::recomputing
