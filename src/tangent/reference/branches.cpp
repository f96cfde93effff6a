#include "tangram/tangent/reference/branches.hpp"

#include "operators.hpp"

#include <algorithm>

namespace tangram {

bool takes_other_branch(const Network& network, const SampleGradient& sample,
                        std::span<const Matrix<double>> values) {
    return std::any_of(network.nodes.begin(), network.nodes.end(), [&](const Node& node) {
        if (sample.sensitivities[at(node.output)].rows() == 0) return false;
        const reference::Operands here = reference::operands_of(network, node, sample);
        reference::Operands there = here;
        for (std::size_t k = 0; k < node.inputs.size(); ++k)
            there.inputs[k] = values[at(node.inputs[k])].view();
        return reference::branches_differ(node, here, there);
    });
}

}  // namespace tangram
