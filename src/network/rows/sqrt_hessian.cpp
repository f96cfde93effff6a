// A root of the Hessian of the cross-entropy with respect to the outputs, H = diag(p) - p p^T = E^T E:
//
//   E_r = sqrt(p_r) (e_r - p)^T,  r = 1..C        p = softmax(y): no label is needed

#include "rules.hpp"
#include "softmax.hpp"

namespace tangram::rows {

namespace {

Index one_an_output(const Reduction& reduction) {
    return reduction.outputs;
}

void fill(const Reduction& /*reduction*/, Index /*sample*/, const double* y, MatrixView<double> E) {
    const Probabilities softmax(y, E.cols);
    for (Index r = 0; r < E.rows; ++r) {
        const double root = softmax.root(r);
        for (Index o = 0; o < E.cols; ++o) E(r, o) = root * (o == r ? softmax.rest(o) : -softmax.p(o));
    }
}

}  // namespace

const RowRule sqrt_hessian{.name = "sqrt-hessian", .by_sample = true, .count = one_an_output, .fill = fill};

}  // namespace tangram::rows
