#pragma once
// What a network's operators multiply, by shapes alone.

#include "tangram/network/network.hpp"

namespace tangram {

/// Of one node, one sample: a multiplication and an addition counted as one.
struct NodeWork {
    double products = 0;  ///< of sums of products: Dense, MatMul, Convolve
    double entries = 0;   ///< that it handles one by one otherwise
};
NodeWork work_of(const Network& network, const Node& node);

/// Products of one sample's way through the network, all nodes; what depends on no sample is not counted.
double forward_products(const Network& network);

/// Every layer is a Dense with an activation behind it: no graph.
bool is_dense_chain(const Network& network);

}  // namespace tangram
