// f_r = g_r . theta at theta = 0, where g (R, P) of a sample is stored and read by whoever needs it (network/stored_rows.hpp). Its
// input is the sample's number; forward and back there is nothing to compute.

#include "tangram/tangent/operators.hpp"

#include <algorithm>

namespace tangram::operators {

namespace {

void forward(const ForwardPass& pass) {
    for (Index i = 0; i < pass.output.rows; ++i) std::fill_n(pass.output.row(i), pass.output.cols, 0.0);
}

void nothing_to_pull_back(const BackwardPass&) {}

Step step(const Node& node) {
    return {
        .form = Form::stored, .x = node.inputs[0], .s = node.output, .tensors = {{node.tensors[0], 1, true}}};
}

}  // namespace

const OperatorRoutines stored_routines{.forward = forward,
                                       .pull_back = nothing_to_pull_back,
                                       .kept_values = [](Index) { return Index{0}; },
                                       .result = "product with",
                                       .step = step};

}  // namespace tangram::operators
