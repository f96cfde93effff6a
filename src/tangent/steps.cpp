#include "tangram/tangent/steps.hpp"

#include "tangram/support/error.hpp"
#include "tangram/tangent/forms.hpp"
#include "tangram/tangent/operators.hpp"

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

}  // namespace

std::vector<Step> steps_of(const Network& network) {
    std::vector<Step> steps;
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        const Node& node = network.nodes[k];
        if (node.tensors.empty()) continue;
        const auto step = routines_of(node.op).step;
        if (step == nullptr)
            fail(ExitCode::failed, "{} has tensors and no step in the kernel", name_of(node.op));
        steps.push_back(step(node));
        steps.back().node = static_cast<Index>(k);
    }
    return steps;
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

double operations_of_pair(const Network& network, const Reduction& reduction) {
    const auto R = static_cast<double>(reduction.sensitivities());
    double operations = 0;
    for (const Step& step : steps_of(network)) {
        const PairSizes sizes{static_cast<double>(network.values[at(step.x)].size),
                              static_cast<double>(network.values[at(step.s)].size),
                              reduction.is_full() ? R * R : R,
                              constant_sensitivity(network, reduction, step.s).has_value()};
        operations += facts_of(step.form).operations_of_pair(sizes);
    }
    return operations;
}

}  // namespace tangram
