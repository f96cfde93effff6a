// Z = a X W^T + b B        S_x += a S W
// (n, d_out)               (n R, d_in)

#include "tangram/support/blas.hpp"
#include "tangram/tangent/operators.hpp"

namespace tangram::operators {

namespace {

using blas::Op;

ConstMatrixView<double> weight_of(const Network& network, const Node& node) {
    return network.tensors[at(node.tensors[0])].values.view();
}

void forward(const ForwardPass& pass) {
    const auto& op = std::get<Dense>(pass.node.op);
    const MatrixView<double> Z = pass.output;
    blas::gemm(Op::none, Op::transpose, op.weight_scale, pass.inputs[0], weight_of(pass.network, pass.node),
               0.0, Z);
    if (pass.node.tensors.size() < 2) return;
    const double* bias = pass.network.tensors[at(pass.node.tensors[1])].values.data();
    for (Index i = 0; i < Z.rows; ++i) {
        for (Index j = 0; j < Z.cols; ++j) Z(i, j) += op.bias_scale * bias[j];
    }
}

void pull_back(const BackwardPass& pass) {
    const auto& op = std::get<Dense>(pass.node.op);
    blas::gemm(Op::none, Op::none, op.weight_scale, pass.S, weight_of(pass.network, pass.node),
               pass.to[0].adds ? 1.0 : 0.0, pass.to[0].S);
}

Step step(const Node& node) {
    const auto& op = std::get<Dense>(node.op);
    Step step{.form = Form::outer,
              .x = node.inputs[0],
              .s = node.output,
              .weighted = node.inputs[0],
              .tensors = {}};
    step.tensors.push_back({node.tensors[0], op.weight_scale, false});
    if (node.tensors.size() > 1) step.tensors.push_back({node.tensors[1], op.bias_scale, true});
    return step;
}

}  // namespace

const OperatorRoutines dense_routines{.forward = forward,
                                      .pull_back = pull_back,
                                      .kept_values = [](Index) { return Index{0}; },
                                      .works_in_place = false,
                                      .may_overflow = true,
                                      .result = "preactivation of",
                                      .step = step};

}  // namespace tangram::operators
