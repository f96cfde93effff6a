// y_j = x_from(j), x the entries of all inputs one after the other        S_x[from(j)] += S_j
// (n, d)                                                                  (n R, d_k)

#include "tangram/tangent/operators.hpp"

#include <algorithm>
#include <vector>

namespace tangram::operators {

namespace {

/// Outputs j, j + 1, .. that come from one entry e, or from e, e + 1, ..
struct Run {
    Index j = 0, e = 0, count = 1;
    bool is_repeated = false;
};

/// Those of the input that begins at entry `first`, `size` entries long.
std::vector<Run> runs_of(const std::vector<Index>& from, Index first, Index size) {
    std::vector<Run> runs;
    for (std::size_t j = 0; j < from.size(); ++j) {
        const Index e = from[j] - first;
        if (e < 0 || e >= size) continue;
        Run* const last = runs.empty() ? nullptr : &runs.back();
        const bool follows = last != nullptr && last->j + last->count == static_cast<Index>(j);
        if (follows && last->count == 1 && e == last->e) last->is_repeated = true;
        if (follows && e == last->e + (last->is_repeated ? 0 : last->count))
            ++last->count;
        else
            runs.push_back({static_cast<Index>(j), e});
    }
    return runs;
}

void forward(const ForwardPass& pass) {
    const Arrangement& table = *std::get<Arrange>(pass.node.op).table;
    for (Index i = 0; i < pass.output.rows; ++i)
        std::fill_n(pass.output.row(i), pass.output.cols, table.fill);
    Index first = 0;
    for (const ConstMatrixView<double>& input : pass.inputs) {
        const std::vector<Run> runs = runs_of(table.from, first, input.cols);
        for (Index i = 0; i < pass.output.rows; ++i) {
            const double* x = input.row(i);
            double* y = pass.output.row(i);
            for (const Run& run : runs) {
                if (run.is_repeated)
                    std::fill_n(y + run.j, run.count, x[run.e]);
                else
                    std::copy_n(x + run.e, run.count, y + run.j);
            }
        }
        first += input.cols;
    }
}

double sum_of(const double* s, Index count) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index j = 0; j < count; ++j) sum += s[j];
    return sum;
}

void pull_back_to(const std::vector<Run>& runs, ConstMatrixView<double> S, const Contribution& to) {
    begin(to);
    for (Index i = 0; i < S.rows; ++i) {
        const double* s = S.row(i);
        double* into = to.S.row(i);
        for (const Run& run : runs) {
            if (run.is_repeated) {
                into[run.e] += sum_of(s + run.j, run.count);
                continue;
            }
            for (Index k = 0; k < run.count; ++k) into[run.e + k] += s[run.j + k];
        }
    }
}

void pull_back(const BackwardPass& pass) {
    const Arrangement& table = *std::get<Arrange>(pass.node.op).table;
    Index first = 0;
    for (std::size_t k = 0; k < pass.inputs.size(); ++k) {
        const Index size = pass.inputs[k].cols;
        if (pass.to[k].is_needed()) pull_back_to(runs_of(table.from, first, size), pass.S, pass.to[k]);
        first += size;
    }
}

}  // namespace

const OperatorRoutines arrange_routines{.forward = forward,
                                        .pull_back = pull_back,
                                        .kept_values = [](Index) { return Index{0}; },
                                        .result = "arrangement after"};

}  // namespace tangram::operators
