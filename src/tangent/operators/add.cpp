// X + b Y      S_x += S, S_y += b S
// (n, d)       (n R, d)

#include "tangram/tangent/operators.hpp"

namespace tangram::operators {

namespace {

double y_scale(const Node& node) {
    return std::get<Add>(node.op).y_scale;
}

void forward(const ForwardPass& pass) {
    const double b = y_scale(pass.node);
    for (Index i = 0; i < pass.output.rows; ++i) {
        const double* x = pass.inputs[0].row(i);
        const double* y = pass.inputs[1].row(i);
        double* sum = pass.output.row(i);
        for (Index j = 0; j < pass.output.cols; ++j) sum[j] = x[j] + b * y[j];
    }
}

void pull_back(const BackwardPass& pass) {
    for (std::size_t k = 0; k < 2; ++k) {
        const Contribution& to = pass.to[k];
        if (!to.is_needed()) continue;
        const double factor = k == 0 ? 1.0 : y_scale(pass.node);
        for (Index i = 0; i < pass.S.rows; ++i) {
            const double* from = pass.S.row(i);
            double* into = to.S.row(i);
            if (to.adds) {
                for (Index j = 0; j < pass.S.cols; ++j) into[j] += factor * from[j];
            } else {
                for (Index j = 0; j < pass.S.cols; ++j) into[j] = factor * from[j];
            }
        }
    }
}

std::optional<double> constant_factor(const Operator& op) {
    return std::get<Add>(op).y_scale == 1 ? std::optional(1.0) : std::nullopt;
}

}  // namespace

const OperatorRoutines add_routines{.forward = forward,
                                    .pull_back = pull_back,
                                    .kept_values = [](Index) { return Index{0}; },
                                    .works_in_place = false,
                                    .may_overflow = true,
                                    .result = "sum after",
                                    .constant_factor = constant_factor};

}  // namespace tangram::operators
