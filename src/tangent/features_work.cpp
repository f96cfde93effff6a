#include "tangram/tangent/features_work.hpp"

#include "tangram/network/operations.hpp"
#include "tangram/tangent/steps.hpp"

namespace tangram {

double operations_of_features(const Network& network, const Reduction& reduction) {
    const auto R = static_cast<double>(reduction.sensitivities());
    double operations = 0;
    if (network.gradients_are_given) return operations;
    for (const Node& node : network.nodes) {
        if (network.values[at(node.output)].shared) continue;
        const bool goes_back = !node.inputs.empty() && node.inputs.front() != network.input;
        operations += work_of(network, node).products * (goes_back ? 1 + R : 1);
    }
    for (const Step& step : steps_of(network, reduction)) {
        if (step.form == Form::rows && step.use != step.node)
            operations += R * work_of(network, network.nodes[at(step.use)]).products;
    }
    return operations;
}

}  // namespace tangram
