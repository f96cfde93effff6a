// y_j = the largest x_from of the window of j        S_x[that entry] += S_j, or equal shares of it where several are largest
// (n, d)                                             (n R, d_x)

#include "tangram/tangent/operators.hpp"

#include <cmath>
#include <limits>

namespace tangram::operators {

namespace {

struct Winner {
    Index first = 0;  ///< the first largest, a place in Windows::from
    Index ties = 0;   ///< how many are as large
};

/// A NaN wins, so that it is found where values are checked.
Winner winner_of(const Windows& windows, Index j, const double* x) {
    Winner winner{windows.begin[at(j)], 0};
    double top = -std::numeric_limits<double>::infinity();
    for (Index e = windows.begin[at(j)]; e < windows.begin[at(j) + 1]; ++e) {
        const double here = x[windows.from[at(e)]];
        if (here > top || (std::isnan(here) && !std::isnan(top))) {
            winner = {e, 1};
            top = here;
        } else if (here == top) {
            winner = {winner.ties == 0 ? e : winner.first, winner.ties + 1};
        }
    }
    return winner;
}

void forward(const ForwardPass& pass) {
    const Windows& windows = *std::get<Largest>(pass.node.op).windows;
    for (Index i = 0; i < pass.output.rows; ++i) {
        const double* x = pass.inputs[0].row(i);
        double* y = pass.output.row(i);
        for (Index j = 0; j < pass.output.cols; ++j)
            y[j] = x[windows.from[at(winner_of(windows, j, x).first)]];
    }
}

/// into += s for what was largest in the window of j.
void hand_on(const Largest& op, Index j, const double* x, double s, double* into) {
    const Windows& windows = *op.windows;
    const Winner winner = winner_of(windows, j, x);
    if (!op.shares_ties || winner.ties <= 1) {
        into[windows.from[at(winner.first)]] += s;
        return;
    }
    const double top = x[windows.from[at(winner.first)]];
    for (Index e = winner.first; e < windows.begin[at(j) + 1]; ++e) {
        const Index from = windows.from[at(e)];
        if (x[from] == top) into[from] += s / static_cast<double>(winner.ties);
    }
}

void pull_back(const BackwardPass& pass) {
    const auto& op = std::get<Largest>(pass.node.op);
    const Index R = pass.rows_per_sample();
    const Contribution& to = pass.to[0];
    begin(to);
    for (Index i = 0; i < pass.S.rows; ++i) {
        const double* x = pass.inputs[0].row(i / R);
        for (Index j = 0; j < pass.S.cols; ++j) hand_on(op, j, x, pass.S(i, j), to.S.row(i));
    }
}

}  // namespace

const OperatorRoutines largest_routines{.forward = forward,
                                        .pull_back = pull_back,
                                        .kept_values = [](Index) { return Index{0}; },
                                        .result = "largest after"};

}  // namespace tangram::operators
