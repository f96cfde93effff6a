// What a graph's parameters and constants come in by: values that are the same for all samples.
//
//   Parameter   theta (1, P)     its sensitivity S (n R, P) is the gradient itself
//   Constant    numbers (1, d)

#include "tangram/tangent/operators.hpp"

#include <algorithm>

namespace tangram::operators {

namespace {

void copy_parameter(const ForwardPass& pass) {
    const Matrix<double>& theta = pass.network.tensors[at(pass.node.tensors[0])].values;
    std::copy_n(theta.data(), theta.size(), pass.output.data);
}

void copy_constant(const ForwardPass& pass) {
    const std::vector<double>& values = *std::get<Constant>(pass.node.op).values;
    std::copy(values.begin(), values.end(), pass.output.data);
}

void nothing_to_pull_back(const BackwardPass&) {}

Step step(const Node& node) {
    return {.form = Form::rows, .x = node.output, .s = node.output, .tensors = {{node.tensors[0], 1, true}}};
}

}  // namespace

const OperatorRoutines parameter_routines{.forward = copy_parameter,
                                          .pull_back = nothing_to_pull_back,
                                          .kept_values = [](Index) { return Index{0}; },
                                          .result = "parameter",
                                          .step = step};

const OperatorRoutines constant_routines{.forward = copy_constant,
                                         .pull_back = nothing_to_pull_back,
                                         .kept_values = [](Index) { return Index{0}; },
                                         .result = "constant"};

}  // namespace tangram::operators
