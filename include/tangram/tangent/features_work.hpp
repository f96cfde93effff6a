#pragma once
// What features cost, for benchmarks: the operations of the products of one sample's features, a multiply and an add counted
// as one: forward, and for each of the R rows of S back to values, and to the tensors whose gradients are held.
//
//   sum over operators of  F (1 + R)  + sum over weights held as rows of  F R          F: those of one forward pass

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

namespace tangram {

double operations_of_features(const Network& network, const Reduction& reduction);

}  // namespace tangram
