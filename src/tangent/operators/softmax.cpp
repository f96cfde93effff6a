// X = c p(Z)  or  c log p(Z),  p = exp(Z) / sum of exp(Z), over each run of entries of a sample      p is kept, (n, d)
// (n, d)
//
//   of p       S_z += c p o (S - (S . p) 1)
//   of log p   S_z += c (S - (S . 1) p)                                                      (n R, d)

#include "tangram/tangent/operators.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::operators {

namespace {

/// p of one sample, the largest entry subtracted first; returns log of the sum of exp(z).
double normalize(const double* z, Index d, double* p) {
    const double top = *std::max_element(z, z + d);
    double sum = 0;
    for (Index j = 0; j < d; ++j) sum += p[j] = std::exp(z[j] - top);
    for (Index j = 0; j < d; ++j) p[j] /= sum;
    return top + std::log(sum);
}

/// Entries of a run, of d in all.
Index run_length(const Softmax& op, Index d) {
    return op.length > 0 ? op.length : d;
}

void forward(const ForwardPass& pass) {
    const auto& op = std::get<Softmax>(pass.node.op);
    const Index length = run_length(op, pass.output.cols);
    for (Index i = 0; i < pass.output.rows; ++i) {
        for (Index first = 0; first < pass.output.cols; first += length) {
            const double* z = pass.inputs[0].row(i) + first;
            double* p = pass.kept.row(i) + first;
            double* x = pass.output.row(i) + first;
            const double log_sum = normalize(z, length, p);
            for (Index j = 0; j < length; ++j) x[j] = op.scale * (op.logarithm ? z[j] - log_sum : p[j]);
        }
    }
}

/// into (+)= what a run's `from` is, pulled back.
void pull_back_run(const Softmax& op, const double* p, const double* from, Index length, bool adds,
                   double* into) {
    double sum = 0;
    for (Index j = 0; j < length; ++j) sum += op.logarithm ? from[j] : from[j] * p[j];
    for (Index j = 0; j < length; ++j) {
        const double slope = op.logarithm ? from[j] - sum * p[j] : p[j] * (from[j] - sum);
        into[j] = (adds ? into[j] : 0.0) + op.scale * slope;
    }
}

void pull_back(const BackwardPass& pass) {
    const auto& op = std::get<Softmax>(pass.node.op);
    const Index R = pass.rows_per_sample();
    const Contribution& to = pass.to[0];
    const Index length = run_length(op, pass.S.cols);
    for (Index i = 0; i < pass.S.rows; ++i) {
        for (Index first = 0; first < pass.S.cols; first += length) {
            pull_back_run(op, pass.kept.row(i / R) + first, pass.S.row(i) + first, length, to.adds,
                          to.S.row(i) + first);
        }
    }
}

}  // namespace

const OperatorRoutines softmax_routines{.forward = forward,
                                        .pull_back = pull_back,
                                        .kept_values = [](Index d) { return d; },
                                        .works_in_place = true,
                                        .may_overflow = false,
                                        .result = "softmax of"};

}  // namespace tangram::operators
