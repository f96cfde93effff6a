#include "tangram/tangent/steps.hpp"

#include "tangram/support/error.hpp"
#include "tangram/tangent/forms.hpp"
#include "tangram/tangent/operators.hpp"
#include "tangram/tangent/weight_use.hpp"

namespace tangram {

namespace {

/// c of the constant c E, whatever the reduction.
std::optional<double> constant_factor(const Network& network, Index value) {
    double sum = value == network.output ? 1 : 0;
    for (const Node& node : network.nodes) {
        for (const Index input : node.inputs) {
            if (input != value) continue;
            const auto factor_of = routines_of(node.op).constant_factor;
            const auto factor = factor_of == nullptr ? std::nullopt : factor_of(node.op);
            const auto above = factor ? constant_factor(network, node.output) : std::nullopt;
            if (!above) return std::nullopt;
            sum += *factor * *above;
        }
    }
    return sum;
}

double Q_of(const Reduction& reduction) {
    const auto R = static_cast<double>(reduction.sensitivities());
    return reduction.is_full() ? R * R : R;
}

PairSizes sizes_on_positions(const Reduction& reduction, const WeightUseSizes& use) {
    const auto real = [](Index n) { return static_cast<double>(n); };
    PairSizes sizes;
    sizes.Q = Q_of(reduction);
    sizes.groups = real(use.groups);
    sizes.d_in = real(use.groups * use.d_in);
    sizes.d_out = real(use.groups * use.d_out);
    sizes.positions = real(use.positions);
    sizes.parameters = real(use.groups * use.d_out * use.d_in);
    sizes.pixels = real(use.pixels);
    sizes.taps = real(use.taps);
    sizes.channels = sizes.d_in / sizes.taps;
    return sizes;
}

Form form_of(const Network& network, const Reduction& reduction, const Step& step,
             const WeightUseSizes& use) {
    const auto size = [&](Index value) { return network.values[at(value)].size; };
    const PairSizes sizes = sizes_on_positions(reduction, use);
    if (facts_of(Form::pairs).operations_of_pair(sizes) < facts_of(Form::made).operations_of_pair(sizes))
        return Form::pairs;
    const Index R = reduction.sensitivities();
    const Node& node = network.nodes[at(use.node)];
    return R * size(step.s) <= size(node.inputs[0]) + R * size(node.output) ? Form::rows : Form::made;
}

/// A tensor that is a value: how its gradient is had, if a weight is all that it is.
void settle_form(const Network& network, const Reduction& reduction, Step& step) {
    const auto use = sole_use_of(network, step.s);
    if (!use) return;
    step.use = use->node;
    const Node& node = network.nodes[at(use->node)];
    step.weighted = node.inputs[0];
    const Form form = form_of(network, reduction, step, *use);
    if (form == Form::rows || constant_sensitivity(network, reduction, node.output)) return;
    step.form = form;
    step.x = node.inputs[0];
    step.s = node.output;
    step.tensors.front() = {step.tensors.front().tensor, use->scale, false};
}

PairSizes pair_sizes(const Network& network, const Reduction& reduction, const Step& step) {
    if (is_on_positions(step.form))
        return sizes_on_positions(reduction, *sole_use_of(network, network.nodes[at(step.node)].output));
    PairSizes sizes;
    sizes.Q = Q_of(reduction);
    sizes.constant = constant_sensitivity(network, reduction, step.s).has_value();
    sizes.d_in = static_cast<double>(network.values[at(step.x)].size);
    sizes.d_out = static_cast<double>(network.values[at(step.s)].size);
    if (step.form == Form::stored)
        sizes.parameters = static_cast<double>(network.tensors[at(step.tensors.front().tensor)].size());
    return sizes;
}

}  // namespace

std::vector<Step> steps_of(const Network& network, const Reduction& reduction) {
    std::vector<Step> steps;
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        const Node& node = network.nodes[k];
        if (node.tensors.empty()) continue;
        const auto step = routines_of(node.op).step;
        if (step == nullptr)
            fail(ExitCode::failed, "{} has tensors and no step in the kernel", name_of(node.op));
        steps.push_back(step(node));
        steps.back().node = steps.back().use = static_cast<Index>(k);
        if (steps.back().form == Form::rows) settle_form(network, reduction, steps.back());
    }
    return steps;
}

bool holds_input(const Network& network, const Step& step) {
    if (facts_of(step.form).needs_input) return true;
    const auto* parameter = std::get_if<Parameter>(&network.nodes[at(step.node)].op);
    return parameter != nullptr && parameter->keeps_input && step.weighted.has_value();
}

std::vector<double> factors_of(const Step& step, const Reduction& reduction) {
    std::vector<double> factors;
    for (const StepTensor& its : step.tensors) factors.push_back(its.scale * its.scale * reduction.factor());
    return factors;
}

std::optional<double> constant_sensitivity(const Network& network, const Reduction& reduction, Index value) {
    if (!reduction.is_constant()) return std::nullopt;
    return constant_factor(network, value);
}

Matrix<double> constant_gram(const Reduction& reduction, double c) {
    const Index R = reduction.sensitivities();
    const auto product = [&](Index r, Index s) {
        double sum = 0;
        for (Index o = 0; o < reduction.outputs; ++o)
            sum += reduction.weight(0, r, o) * reduction.weight(0, s, o);
        return sum;
    };
    const Index rows = reduction.rows_per_sample();
    Matrix<double> H(rows, rows);
    if (!reduction.is_full()) {
        for (Index r = 0; r < R; ++r) H(0, 0) += product(r, r);
        H(0, 0) *= c * c;
        return H;
    }
    for (Index r = 0; r < R; ++r) {
        for (Index s = 0; s < R; ++s) H(r, s) = c * c * product(r, s);
    }
    return H;
}

double operations_of_pair(const Network& network, const Reduction& reduction, const Step& step) {
    return facts_of(step.form).operations_of_pair(pair_sizes(network, reduction, step));
}

double operations_of_pair(const Network& network, const Reduction& reduction) {
    double operations = 0;
    for (const Step& step : steps_of(network, reduction))
        operations += operations_of_pair(network, reduction, step);
    return operations;
}

double operations_of_making(const Network& network, const Reduction& reduction) {
    double operations = 0;
    for (const Step& step : steps_of(network, reduction)) {
        if (step.form != Form::made) continue;
        const PairSizes sizes = pair_sizes(network, reduction, step);
        operations += static_cast<double>(reduction.sensitivities()) * sizes.positions * sizes.parameters;
    }
    return operations;
}

}  // namespace tangram
