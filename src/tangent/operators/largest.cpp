// y_j = the largest x_from of the window of j        S_x[that entry] += S_j, or equal shares of it where several are largest
// (n, d)                                             (n R, d_x)

#include "tangram/tangent/operators.hpp"

#include <cmath>
#include <limits>
#include <vector>

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

/// into += equal shares of s for what was largest in the window of j, from the first on.
void share(const Windows& windows, Index j, const Winner& winner, const double* x, double s, double* into) {
    const double top = x[windows.from[at(winner.first)]];
    for (Index e = winner.first; e < windows.begin[at(j) + 1]; ++e) {
        const Index from = windows.from[at(e)];
        if (x[from] == top) into[from] += s / static_cast<double>(winner.ties);
    }
}

/// What was largest is looked for once for all rows of a sample.
void pull_back(const BackwardPass& pass) {
    const auto& op = std::get<Largest>(pass.node.op);
    const Windows& windows = *op.windows;
    const Index R = pass.rows_per_sample();
    const Contribution& to = pass.to[0];
    begin(to);
    std::vector<Winner> winners(at(pass.S.cols));
    std::vector<Index> from(winners.size());
    for (Index i = 0; i < pass.S.rows; ++i) {
        const double* x = pass.inputs[0].row(i / R);
        for (Index j = 0; i % R == 0 && j < pass.S.cols; ++j) {
            winners[at(j)] = winner_of(windows, j, x);
            from[at(j)] = windows.from[at(winners[at(j)].first)];
        }
        const double* s = pass.S.row(i);
        double* into = to.S.row(i);
        for (Index j = 0; j < pass.S.cols; ++j) {
            if (op.shares_ties && winners[at(j)].ties > 1)
                share(windows, j, winners[at(j)], x, s[j], into);
            else
                into[from[at(j)]] += s[j];
        }
    }
}

}  // namespace

const OperatorRoutines largest_routines{.forward = forward,
                                        .pull_back = pull_back,
                                        .kept_values = [](Index) { return Index{0}; },
                                        .result = "largest after"};

}  // namespace tangram::operators
