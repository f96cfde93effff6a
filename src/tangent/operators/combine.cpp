// y_j = sum over the window of j of w x_from        S_x[from] += w S_j
// (n, d)                                            (n R, d_x)

#include "tangram/tangent/operators.hpp"

namespace tangram::operators {

namespace {

const Windows& windows_of(const Node& node) {
    return *std::get<Combine>(node.op).windows;
}

void forward(const ForwardPass& pass) {
    const Windows& windows = windows_of(pass.node);
    for (Index i = 0; i < pass.output.rows; ++i) {
        const double* x = pass.inputs[0].row(i);
        double* y = pass.output.row(i);
        for (Index j = 0; j < pass.output.cols; ++j) {
            double sum = 0;
            for (Index e = windows.begin[at(j)]; e < windows.begin[at(j) + 1]; ++e)
                sum += windows.weight[at(e)] * x[windows.from[at(e)]];
            y[j] = sum;
        }
    }
}

void pull_back(const BackwardPass& pass) {
    const Windows& windows = windows_of(pass.node);
    const Contribution& to = pass.to[0];
    begin(to);
    for (Index i = 0; i < pass.S.rows; ++i) {
        const double* from = pass.S.row(i);
        double* into = to.S.row(i);
        for (Index j = 0; j < pass.S.cols; ++j) {
            for (Index e = windows.begin[at(j)]; e < windows.begin[at(j) + 1]; ++e)
                into[windows.from[at(e)]] += windows.weight[at(e)] * from[j];
        }
    }
}

}  // namespace

const OperatorRoutines combine_routines{.forward = forward,
                                        .pull_back = pull_back,
                                        .kept_values = [](Index) { return Index{0}; },
                                        .may_overflow = true,
                                        .result = "sum after"};

}  // namespace tangram::operators
