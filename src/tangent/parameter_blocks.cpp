#include "tangram/tangent/parameter_blocks.hpp"

#include <fmt/format.h>

namespace tangram {

std::vector<ParameterBlock> parameter_blocks(const Network& network) {
    std::vector<ParameterBlock> blocks;
    Index first = 0;
    for (Index l = 0; l < network.depth(); ++l) {
        const Layer& layer = network.layers[at(l)];
        blocks.push_back({l, false, layer.weight_name, first, layer.weight.size(), layer.fan_in()});
        first += layer.weight.size();
        if (!layer.has_bias()) continue;
        blocks.push_back({l, true, layer.bias_name, first, layer.fan_out(), 1});
        first += layer.fan_out();
    }
    return blocks;
}

std::string name_of_parameter(const std::vector<ParameterBlock>& blocks, Index p) {
    for (const ParameterBlock& block : blocks) {
        if (p >= block.end()) continue;
        const Index k = p - block.first;
        return block.is_bias ? fmt::format("{}[{}]", block.name, k)
                             : fmt::format("{}[{}, {}]", block.name, k / block.fan_in, k % block.fan_in);
    }
    return fmt::format("parameter {}", p);
}

}  // namespace tangram
