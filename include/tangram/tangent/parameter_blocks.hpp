#pragma once
// All P parameters of a network in one row: tensor after tensor, weight before bias, first layer first, each
// row-major, as PyTorch's parameters() has them.
//
//   W_1 (d_1 d_0)  |  B_1 (d_1)  |  W_2 (d_2 d_1)  |  ..        parameter (j, k) of W_l at first + j d_{l-1} + k

#include "tangram/model/network.hpp"

#include <string>
#include <vector>

namespace tangram {

struct ParameterBlock {
    Index layer = 0;  ///< 0..L-1
    bool is_bias = false;
    std::string name;  ///< of the tensor in the model
    Index first = 0;   ///< its first parameter
    Index size = 0;    ///< and how many it has
    Index fan_in = 1;  ///< parameters of one unit: d_{l-1}, or 1 for a bias
    [[nodiscard]] Index end() const { return first + size; }
};

std::vector<ParameterBlock> parameter_blocks(const Network& network);

/// The name of parameter `p`, for people: "fc1.weight[12, 3]".
std::string name_of_parameter(const std::vector<ParameterBlock>& blocks, Index p);

}  // namespace tangram
