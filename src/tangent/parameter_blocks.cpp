#include "tangram/tangent/parameter_blocks.hpp"

#include <fmt/format.h>

namespace tangram {

std::vector<ParameterBlock> parameter_blocks(const Network& network) {
    std::vector<ParameterBlock> blocks;
    Index first = 0;
    for (const ParameterTensor& tensor : network.tensors) {
        blocks.push_back(
            {static_cast<Index>(blocks.size()), tensor.name, first, tensor.size(), tensor.unit_size()});
        first += tensor.size();
    }
    return blocks;
}

std::string name_of_parameter(const std::vector<ParameterBlock>& blocks, Index p) {
    for (const ParameterBlock& block : blocks) {
        if (p >= block.end()) continue;
        const Index k = p - block.first;
        return block.unit_size == 1 && block.size > 1
                   ? fmt::format("{}[{}]", block.name, k)
                   : fmt::format("{}[{}, {}]", block.name, k / block.unit_size, k % block.unit_size);
    }
    return fmt::format("parameter {}", p);
}

}  // namespace tangram
