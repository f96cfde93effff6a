// How good predictions are: errors and accuracies.

#include "tangram/regression/targets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

using Kind = TargetCode::Kind;

bool is_skipped(const std::vector<bool>& skip, Index i) {
    return !skip.empty() && skip[at(i)];
}

Index place_of_largest(const double* row, Index count) {
    return std::max_element(row, row + count) - row;
}

/// Whether the prediction tells the class c. A NaN tells none.
bool is_told(const double* f, Index c, const TargetCode& code) {
    if (c < 0) return false;
    if (std::any_of(f, f + code.columns, [](double value) { return std::isnan(value); })) return false;
    if (code.kind == Kind::one_hot) return place_of_largest(f, code.columns) == c;
    if (code.kind == Kind::two_signs) return (f[0] > 0) == (c == 1);
    return (f[0] > 0.5 - code.minus) == (c == code.chosen);
}

/// The part of those that count for which told(i) holds.
template <class Told>
double part_of(Index count, const std::vector<bool>& skip, Told told) {
    Index all = 0;
    Index right = 0;
    for (Index i = 0; i < count; ++i) {
        if (is_skipped(skip, i)) continue;
        ++all;
        if (told(i)) ++right;
    }
    return all == 0 ? std::numeric_limits<double>::quiet_NaN()
                    : static_cast<double>(right) / static_cast<double>(all);
}

}  // namespace

double accuracy_of(ConstMatrixView<double> predictions, const TargetSet& targets, const TargetCode& code,
                   const std::vector<bool>& skip) {
    if (!code.of_labels() || std::isnan(predictions(0, 0))) return std::numeric_limits<double>::quiet_NaN();
    return part_of(predictions.rows, skip,
                   [&](Index i) { return is_told(predictions.row(i), targets.classes[at(i)], code); });
}

double accuracy_of_outputs(const Matrix<double>& outputs, const TargetSet& targets, const TargetCode& code,
                           const std::vector<bool>& skip) {
    const Index C = outputs.cols();
    const bool by_sign = code.kind == Kind::two_signs && C == 1;
    const bool by_largest = C > 1 && static_cast<Index>(code.classes.size()) == C;
    if (!code.of_labels() || !(by_sign || by_largest)) return std::numeric_limits<double>::quiet_NaN();
    return part_of(outputs.rows(), skip, [&](Index i) {
        const Index c = targets.classes[at(i)];
        const double* row = outputs.view().row(i);
        return by_sign ? c >= 0 && (row[0] > 0) == (c == 1) : place_of_largest(row, C) == c;
    });
}

double error_of(ConstMatrixView<double> predictions, const Matrix<double>& targets,
                const std::vector<bool>& skip) {
    double sum = 0;
    Index all = 0;
    for (Index i = 0; i < predictions.rows; ++i) {
        if (is_skipped(skip, i)) continue;
        ++all;
        for (Index c = 0; c < predictions.cols; ++c) {
            const double off = predictions(i, c) - targets(i, c);
            sum += off * off;
        }
    }
    return all == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(all);
}

}  // namespace tangram
