#pragma once
// All P parameters of a network in one row: tensor after tensor, each row-major, as PyTorch's parameters() has them.
//
//   W_1 (d_1 d_0)  |  B_1 (d_1)  |  W_2 (d_2 d_1)  |  ..        parameter (j, k) of a tensor at first + j unit_size + k

#include "tangram/network/network.hpp"

#include <string>
#include <vector>

namespace tangram {

struct ParameterBlock {
    Index tensor = 0;
    std::string name;     ///< of the tensor in the model
    Index first = 0;      ///< its first parameter
    Index size = 0;       ///< and how many it has
    Index unit_size = 1;  ///< parameters of one unit: d_{l-1}, or 1 for a bias
    [[nodiscard]] Index end() const { return first + size; }
};

/// [tensor]
std::vector<ParameterBlock> parameter_blocks(const Network& network);

/// The name of parameter `p`, for people: "fc1.weight[12, 3]".
std::string name_of_parameter(const std::vector<ParameterBlock>& blocks, Index p);

}  // namespace tangram
