// X^Y          S_x += S o Y o X^(Y - 1), S_y += S o X^Y o log X
// (n, d)       (n R, d)

#include "tangram/tangent/operators.hpp"

#include <cmath>

namespace tangram::operators {

namespace {

void forward(const ForwardPass& pass) {
    for (Index i = 0; i < pass.output.rows; ++i) {
        const double* x = pass.inputs[0].row(i);
        const double* y = pass.inputs[1].row(i);
        double* p = pass.output.row(i);
        for (Index j = 0; j < pass.output.cols; ++j) p[j] = std::pow(x[j], y[j]);
    }
}

double slope_in_x(double x, double y) {
    return y == 0 ? 0 : y * std::pow(x, y - 1);
}

/// 0^y is 0 for all y > 0.
double slope_in_y(double x, double y) {
    return x == 0 && y >= 0 ? 0 : std::pow(x, y) * std::log(x);
}

/// S_to += S o slope(X, Y); the slopes of a sample are the same for its rows.
template <class Slope>
void pull_back_to(const BackwardPass& pass, const Contribution& to, Slope slope) {
    const Index R = pass.rows_per_sample();
    std::vector<double> slopes(at(pass.S.cols));
    begin(to);
    for (Index i = 0; i < pass.S.rows; ++i) {
        const double* x = pass.inputs[0].row(i / R);
        const double* y = pass.inputs[1].row(i / R);
        for (Index j = 0; i % R == 0 && j < pass.S.cols; ++j) slopes[at(j)] = slope(x[j], y[j]);
        const double* from = pass.S.row(i);
        double* into = to.S.row(i);
        for (Index j = 0; j < pass.S.cols; ++j) into[j] += from[j] * slopes[at(j)];
    }
}

void pull_back(const BackwardPass& pass) {
    if (pass.to[0].is_needed()) pull_back_to(pass, pass.to[0], slope_in_x);
    if (pass.to[1].is_needed()) pull_back_to(pass, pass.to[1], slope_in_y);
}

}  // namespace

const OperatorRoutines power_routines{.forward = forward,
                                      .pull_back = pull_back,
                                      .kept_values = [](Index) { return Index{0}; },
                                      .may_overflow = true,
                                      .result = "power of"};

}  // namespace tangram::operators
