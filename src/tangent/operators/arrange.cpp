// y_j = x_from(j), x the entries of all inputs one after the other        S_x[from(j)] += S_j
// (n, d)                                                                  (n R, d_k)

#include "tangram/tangent/operators.hpp"

namespace tangram::operators {

namespace {

/// Calls visit(j, e) for the outputs j that come from entry e of the input that begins at `first`, `size` entries long.
template <class Visit>
void for_entries_of(const std::vector<Index>& from, Index first, Index size, Visit visit) {
    for (std::size_t j = 0; j < from.size(); ++j) {
        const Index e = from[j] - first;
        if (e >= 0 && e < size) visit(static_cast<Index>(j), e);
    }
}

void forward(const ForwardPass& pass) {
    const Arrangement& table = *std::get<Arrange>(pass.node.op).table;
    for (Index i = 0; i < pass.output.rows; ++i) {
        double* y = pass.output.row(i);
        for (Index j = 0; j < pass.output.cols; ++j) y[j] = table.fill;
        Index first = 0;
        for (const ConstMatrixView<double>& input : pass.inputs) {
            const double* x = input.row(i);
            for_entries_of(table.from, first, input.cols, [&](Index j, Index e) { y[j] = x[e]; });
            first += input.cols;
        }
    }
}

void pull_back(const BackwardPass& pass) {
    const Arrangement& table = *std::get<Arrange>(pass.node.op).table;
    Index first = 0;
    for (std::size_t k = 0; k < pass.inputs.size(); ++k) {
        const Contribution& to = pass.to[k];
        const Index size = pass.inputs[k].cols;
        if (to.is_needed()) {
            begin(to);
            for (Index i = 0; i < pass.S.rows; ++i) {
                const double* from = pass.S.row(i);
                double* into = to.S.row(i);
                for_entries_of(table.from, first, size, [&](Index j, Index e) { into[e] += from[j]; });
            }
        }
        first += size;
    }
}

}  // namespace

const OperatorRoutines arrange_routines{.forward = forward,
                                        .pull_back = pull_back,
                                        .kept_values = [](Index) { return Index{0}; },
                                        .result = "arrangement after"};

}  // namespace tangram::operators
