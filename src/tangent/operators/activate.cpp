// X = c phi(Z)        S_z += S * c phi'(Z), the slopes kept from the forward pass
// (n, d)              (n R, d)

#include "kept_slopes.hpp"

namespace tangram::operators {

namespace {

void forward(const ForwardPass& pass) {
    const auto& op = std::get<Activate>(pass.node.op);
    const auto count = at(pass.output.rows * pass.output.cols);
    activate(op.phi, op.scale, {pass.inputs[0].data, count}, {pass.output.data, count},
             {pass.kept.data, count});
}

std::optional<double> constant_factor(const Operator& op) {
    const auto& activate = std::get<Activate>(op);
    if (activate.phi.kind != ActivationKind::identity) return std::nullopt;
    return activate.scale;
}

std::vector<double> kinks_of(const Operator& op) {
    return kinks(std::get<Activate>(op).phi);
}

}  // namespace

const OperatorRoutines activate_routines{.forward = forward,
                                         .pull_back = pull_back_by_slopes,
                                         .kept_values = [](Index d) { return d; },
                                         .works_in_place = true,
                                         .may_overflow = false,
                                         .result = "activation of",
                                         .constant_factor = constant_factor,
                                         .kinks = kinks_of};

}  // namespace tangram::operators
