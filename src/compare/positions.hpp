#pragma once
// A weight that is used at T positions of a sample has the gradient sum_p s_p x_p^T: what its s_p and x_p are, sample by sample.
// Private to compare/.
//
//   Convolve   p: an output position      x_p: its patch of the input, (C_in / groups k..)   s_p: (C_out / groups), group by group
//   MatMul     p: a row of the product (a column, where the weight is on the left), in every batch
//   Dense      T = 1

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <vector>

namespace tangram::recomputing {

/// A node that takes a weight.
struct WeightUse {
    Index node = 0;
    std::size_t weight = 1;  ///< which of its operands it is: 0 or 1
    Index groups = 1;
    Index positions = 1;  ///< T
};

/// The uses of a tensor whose gradient is a sum of outers; none where it is used in another way, too.
std::vector<WeightUse> weight_uses(const Network& network, Index tensor);

/// The value that a tensor is added to, or -1 where it is not a bias.
Index added_at(const Network& network, Index tensor);

/// x_p of a group, (T, d_in).
Matrix<double> inputs_at(const Network& network, const WeightUse& use, const SampleGradient& sample,
                         Index group);
/// s_p of a group for each sensitivity r of the reduction, [r] (T, d_out).
std::vector<Matrix<double>> sensitivities_at(const Network& network, const WeightUse& use,
                                             const Reduction& reduction, const SampleGradient& sample,
                                             Index group);
/// The operator's input as it lies, before patches are taken, of a group.
std::vector<double> plain_input(const Network& network, const WeightUse& use, const SampleGradient& sample,
                                Index group);

/// sum over outputs of E_r,output D_output, [r] (size of the value).
std::vector<std::vector<double>> reduced(const Reduction& reduction, const SampleGradient& sample,
                                         Index value);

}  // namespace tangram::recomputing
