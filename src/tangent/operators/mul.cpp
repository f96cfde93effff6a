// X o Y        S_x += S o Y, S_y += S o X
// (n, d)       (n R, d)

#include "tangram/tangent/operators.hpp"

namespace tangram::operators {

namespace {

void forward(const ForwardPass& pass) {
    const Index d = pass.output.cols;
    for (Index i = 0; i < pass.output.rows; ++i) {
        const double* x = pass.inputs[0].row(i);
        const double* y = pass.inputs[1].row(i);
        double* product = pass.output.row(i);
        for (Index j = 0; j < d; ++j) product[j] = x[j] * y[j];
    }
}

void pull_back(const BackwardPass& pass) {
    const Index d = pass.S.cols;
    const Index R = pass.rows_per_sample();
    for (Index k = 0; k < 2; ++k) {
        const Contribution& to = pass.to[at(k)];
        if (!to.is_needed()) continue;
        for (Index i = 0; i < pass.S.rows; ++i) {
            const double* other = pass.inputs[at(1 - k)].row(i / R);
            const double* from = pass.S.row(i);
            double* into = to.S.row(i);
            for (Index j = 0; j < d; ++j) into[j] = (to.adds ? into[j] : 0.0) + from[j] * other[j];
        }
    }
}

}  // namespace

const OperatorRoutines mul_routines{.forward = forward,
                                    .pull_back = pull_back,
                                    .kept_values = [](Index) { return Index{0}; },
                                    .works_in_place = false,
                                    .may_overflow = true,
                                    .result = "product after"};

}  // namespace tangram::operators
