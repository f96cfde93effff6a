#include "tangram/tangent/reference/rounding.hpp"

#include "operators.hpp"

#include <cmath>
#include <limits>

namespace tangram {

std::vector<std::vector<double>> rounding_of_values(const Network& network, const SampleGradient& sample) {
    constexpr double few_units = 4 * std::numeric_limits<double>::epsilon();
    std::vector<std::vector<double>> roundings;
    for (const Value& value : network.values) roundings.emplace_back(at(value.size));
    for (const Node& node : network.nodes) {
        const reference::Operands in = reference::operands_of(network, node, sample);
        std::vector<double>& own = roundings[at(node.output)];
        const std::vector<double> sizes = reference::magnitudes(node, in);
        for (std::size_t j = 0; j < sizes.size(); ++j)  // what is infinite, as a mask may be, is so exactly
            own[j] = std::isfinite(sizes[j]) ? few_units * sizes[j] : 0;
        std::vector<std::span<const double>> of_inputs;
        for (const Index input : node.inputs) of_inputs.emplace_back(roundings[at(input)]);
        reference::add_inherited(node, in, of_inputs, own);
    }
    return roundings;
}

}  // namespace tangram
