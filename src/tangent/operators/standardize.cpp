// y = (x - mean) q, q = 1 / sqrt(variance + epsilon), over each run of L entries
// S_x += q (S - mean(S) - y mean(S o y))
// (n, d)   (n R, d)

#include "tangram/tangent/operators.hpp"

#include <cmath>

namespace tangram::operators {

namespace {

/// Standardizes a run and returns q.
double standardize(const Standardize& op, const double* x, double* y) {
    const auto count = static_cast<double>(op.length);
    double mean = 0;
    for (Index j = 0; j < op.length; ++j) mean += x[j];
    mean /= count;
    double variance = 0;
    for (Index j = 0; j < op.length; ++j) variance += (x[j] - mean) * (x[j] - mean);
    variance /= count;
    const double q = 1 / std::sqrt(variance + op.epsilon);
    for (Index j = 0; j < op.length; ++j) y[j] = (x[j] - mean) * q;
    return q;
}

void forward(const ForwardPass& pass) {
    const auto& op = std::get<Standardize>(pass.node.op);
    for (Index i = 0; i < pass.output.rows; ++i) {
        for (Index first = 0; first < pass.output.cols; first += op.length)
            standardize(op, pass.inputs[0].row(i) + first, pass.output.row(i) + first);
    }
}

void pull_back_run(const Standardize& op, const double* y, double q, const double* from, double* into) {
    const auto count = static_cast<double>(op.length);
    double mean = 0, along = 0;
    for (Index j = 0; j < op.length; ++j) {
        mean += from[j];
        along += from[j] * y[j];
    }
    mean /= count;
    along /= count;
    for (Index j = 0; j < op.length; ++j) into[j] += q * (from[j] - mean - y[j] * along);
}

void pull_back(const BackwardPass& pass) {
    const auto& op = std::get<Standardize>(pass.node.op);
    const Index R = pass.rows_per_sample();
    const Contribution& to = pass.to[0];
    begin(to);
    std::vector<double> y(at(op.length));
    for (Index sample = 0; sample < pass.kept.rows; ++sample) {
        for (Index first = 0; first < pass.S.cols; first += op.length) {
            const double q = standardize(op, pass.inputs[0].row(sample) + first, y.data());
            for (Index i = sample * R; i < (sample + 1) * R; ++i)
                pull_back_run(op, y.data(), q, pass.S.row(i) + first, to.S.row(i) + first);
        }
    }
}

}  // namespace

const OperatorRoutines standardize_routines{.forward = forward,
                                            .pull_back = pull_back,
                                            .kept_values = [](Index) { return Index{0}; },
                                            .may_overflow = true,
                                            .result = "normalization of"};

}  // namespace tangram::operators
