#include "backward_plan.hpp"

#include "tangram/tangent/operators.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Values that are tensors whose gradients are made elsewhere, of the sensitivities of other values.
std::vector<bool> made_elsewhere(const Network& network, const Reduction& reduction) {
    std::vector<bool> elsewhere(network.values.size(), false);
    for (const Step& step : steps_of(network, reduction)) {
        const Node& node = network.nodes[at(step.node)];
        if (std::holds_alternative<Parameter>(node.op)) elsewhere[at(node.output)] = step.s != node.output;
    }
    return elsewhere;
}

/// The buffers while the plan is made.
struct Pool {
    BackwardPlan& plan;
    std::vector<Index> idle;

    Index take() {
        if (idle.empty()) {
            plan.widths.push_back(0);
            return static_cast<Index>(plan.widths.size()) - 1;
        }
        const Index buffer = idle.back();
        idle.pop_back();
        return buffer;
    }
    void give(Index value, Index size, Index buffer) {
        plan.buffer[at(value)] = buffer;
        plan.widths[at(buffer)] = std::max(plan.widths[at(buffer)], size);
    }
};

}  // namespace

BackwardPlan plan_backward(const Network& network, const Reduction& reduction) {
    const std::vector<bool> depends = depends_on_tensors(network);
    const std::vector<bool> elsewhere = made_elsewhere(network, reduction);
    BackwardPlan plan;
    plan.buffer.assign(network.values.size(), BackwardPlan::nowhere);
    Pool pool{plan, {}};
    pool.give(network.output, network.outputs(), pool.take());
    for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
        const Index own = plan.buffer[at(node->output)];
        if (own == BackwardPlan::nowhere) continue;
        bool handed_on = false;
        for (const Index input : node->inputs) {
            if (!depends[at(input)] || elsewhere[at(input)] ||
                plan.buffer[at(input)] != BackwardPlan::nowhere)
                continue;
            const bool in_place =
                !handed_on && input == node->inputs.front() && routines_of(node->op).works_in_place;
            pool.give(input, network.values[at(input)].size, in_place ? own : pool.take());
            handed_on = handed_on || in_place;
        }
        if (!handed_on) pool.idle.push_back(own);
    }
    return plan;
}

}  // namespace tangram
