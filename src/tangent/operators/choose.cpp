// What depends on the sample by yes or no, as masks do.
//
//   Compare   1 where X is in a relation to Y, 0 elsewhere     nothing is pulled back: it is constant but for jumps
//   Choose    X where C is not 0, Y elsewhere                  S_x += S there, S_y += S elsewhere
//   (n, d)                                                     (n R, d)

#include "tangram/tangent/operators.hpp"

namespace tangram::operators {

namespace {

bool holds(Compare::Relation relation, double x, double y) {
    switch (relation) {
        case Compare::Relation::equal:
            return x == y;
        case Compare::Relation::less:
            return x < y;
        case Compare::Relation::less_or_equal:
            return x <= y;
    }
    return false;
}

void compare(const ForwardPass& pass) {
    const auto relation = std::get<Compare>(pass.node.op).relation;
    for (Index i = 0; i < pass.output.rows; ++i) {
        for (Index j = 0; j < pass.output.cols; ++j)
            pass.output(i, j) = holds(relation, pass.inputs[0](i, j), pass.inputs[1](i, j)) ? 1 : 0;
    }
}

void pull_back_nothing(const BackwardPass& pass) {
    for (const Contribution& to : pass.to) {
        if (to.is_needed()) begin(to);
    }
}

void choose(const ForwardPass& pass) {
    for (Index i = 0; i < pass.output.rows; ++i) {
        const double* c = pass.inputs[0].row(i);
        const double* x = pass.inputs[1].row(i);
        const double* y = pass.inputs[2].row(i);
        double* chosen = pass.output.row(i);
        for (Index j = 0; j < pass.output.cols; ++j) chosen[j] = c[j] != 0 ? x[j] : y[j];
    }
}

void pull_back_choice(const BackwardPass& pass) {
    if (pass.to[0].is_needed()) begin(pass.to[0]);
    for (std::size_t k = 1; k < 3; ++k) {
        const Contribution& to = pass.to[k];
        if (!to.is_needed()) continue;
        begin(to);
        for (Index i = 0; i < pass.S.rows; ++i) {
            const double* c = pass.inputs[0].row(i / pass.rows_per_sample());
            const double* from = pass.S.row(i);
            double* into = to.S.row(i);
            for (Index j = 0; j < pass.S.cols; ++j) {
                if ((c[j] != 0) == (k == 1)) into[j] += from[j];
            }
        }
    }
}

}  // namespace

const OperatorRoutines compare_routines{.forward = compare,
                                        .pull_back = pull_back_nothing,
                                        .kept_values = [](Index) { return Index{0}; },
                                        .result = "comparison after"};

const OperatorRoutines choose_routines{.forward = choose,
                                       .pull_back = pull_back_choice,
                                       .kept_values = [](Index) { return Index{0}; },
                                       .result = "choice after"};

}  // namespace tangram::operators
