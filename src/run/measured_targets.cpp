#include "tangram/run/measured_targets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace tangram {

namespace {

/// The labels that there are, ascending: 0, .., C - 1 where all are among these. None where a set has none, or numbers. C: outputs.
std::vector<double> classes_of(const InputSet& columns, const InputSet& rows, Index C) {
    std::vector<double> classes;
    for (const InputSet* set : {&columns, &rows}) {
        if (!set->labels || !set->labels->integers) return {};
        classes.insert(classes.end(), set->labels->values.begin(), set->labels->values.end());
    }
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    if (C == 1 || classes.front() < 0 || classes.back() >= static_cast<double>(C)) return classes;
    classes.clear();
    for (Index c = 0; c < C; ++c) classes.push_back(static_cast<double>(c));
    return classes;
}

const InputSet& rows_of(const Inputs& inputs) {
    return inputs.test ? *inputs.test : inputs.samples;
}

Index class_of(const std::vector<double>& classes, double label) {
    return std::lower_bound(classes.begin(), classes.end(), label) - classes.begin();
}

Matrix<double> column_of(const Matrix<double>& all, Index column) {
    Matrix<double> one(all.rows(), 1);
    for (Index i = 0; i < all.rows(); ++i) one(i, 0) = all(i, column);
    return one;
}

Matrix<double> summed(const Matrix<double>& all) {
    Matrix<double> one(all.rows(), 1);
    for (Index i = 0; i < all.rows(); ++i) {
        for (Index c = 0; c < all.cols(); ++c) one(i, 0) += all(i, c);
    }
    return one;
}

Matrix<double> one_hot(const std::vector<double>& labels, const std::vector<double>& classes) {
    Matrix<double> Y(static_cast<Index>(labels.size()), static_cast<Index>(classes.size()));
    for (Index i = 0; i < Y.rows(); ++i) Y(i, class_of(classes, labels[at(i)])) = 1;
    return Y;
}

Matrix<double> copy_of(const Matrix<double>& matrix) {
    Matrix<double> copy(matrix.rows(), matrix.cols());
    std::copy_n(matrix.data(), matrix.size(), copy.data());
    return copy;
}

/// Y (samples, columns), one column an output where they are that; nothing where the set has neither labels nor targets.
std::optional<Matrix<double>> all_columns(const InputSet& set, const std::vector<double>& classes,
                                          Index outputs) {
    if (set.targets) return copy_of(*set.targets);
    if (!set.labels) return std::nullopt;
    const std::vector<double>& labels = set.labels->values;
    if (classes.empty()) {
        Matrix<double> Y(static_cast<Index>(labels.size()), 1);
        std::copy(labels.begin(), labels.end(), Y.data());
        return Y;
    }
    if (outputs > 1 || classes.size() != 2) return one_hot(labels, classes);
    Matrix<double> Y(static_cast<Index>(labels.size()), 1);
    for (Index i = 0; i < Y.rows(); ++i) Y(i, 0) = labels[at(i)] == classes[0] ? -1 : 1;
    return Y;
}

/// What belongs to the rows of the kernel.
std::optional<Matrix<double>> columns_for(const Reduction& reduction, std::optional<Matrix<double>> Y,
                                          Index outputs) {
    if (!Y) return Y;
    const bool one_an_output = Y->cols() == outputs && outputs > 1;
    if (reduction.logit >= 0 && one_an_output) return column_of(*Y, reduction.logit);
    if (reduction.kind == ReductionKind::sum && one_an_output) return summed(*Y);
    if (!reduction.is_full()) return Y;
    const Index R = reduction.rows_per_sample();
    if (Y->cols() != R || outputs != R) return std::nullopt;
    Matrix<double> vec(Y->size(), 1);
    std::copy_n(Y->data(), Y->size(), vec.data());
    return vec;
}

double largest_of(const Matrix<double>& Y) {
    double largest = 0;
    for (Index k = 0; k < Y.size(); ++k) largest = std::max(largest, std::abs(Y.data()[k]));
    return largest;
}

void scale(Matrix<double>& Y, int exponent) {
    for (Index k = 0; k < Y.size(); ++k) Y.data()[k] = std::ldexp(Y.data()[k], exponent);
}

}  // namespace

std::vector<std::string> names_of_classes(const Inputs& inputs) {
    const std::vector<double> classes =
        classes_of(inputs.samples, rows_of(inputs), inputs.reduction.of_one().outputs);
    if (static_cast<Index>(classes.size()) > most_measured_classes) return {};
    std::vector<std::string> names;
    for (const double label : classes) {
        const std::vector<std::string>& texts = inputs.samples.labels->classes;
        const auto place = static_cast<std::size_t>(label);
        names.push_back(place < texts.size() ? texts[place] : fmt::format("{}", label));
    }
    return names;
}

void add_targets_and_classes(const Inputs& inputs, Measuring& measuring) {
    add_targets_and_classes(inputs.reduction.of_one(), inputs.samples, rows_of(inputs), measuring);
}

void add_targets_and_classes(const Reduction& reduction, const InputSet& columns, const InputSet& rows,
                             Measuring& measuring) {
    const Index outputs = reduction.outputs;
    const std::vector<double> classes = classes_of(columns, rows, outputs);
    if (const auto count = static_cast<Index>(classes.size()); count > 1 && count <= most_measured_classes) {
        const auto fill = [&](const InputSet& set, std::vector<Index>& numbers) {
            for (std::size_t i = 0; i < numbers.size(); ++i)
                numbers[i] = class_of(classes, set.labels->values[i]);
        };
        fill(rows, measuring.classes.rows);
        fill(columns, measuring.classes.columns);
        measuring.classes.of_rows = measuring.classes.of_columns = count;
    }
    auto of_columns = columns_for(reduction, all_columns(columns, classes, outputs), outputs);
    auto of_rows = columns_for(reduction, all_columns(rows, classes, outputs), outputs);
    if (!of_columns || !of_rows || of_columns->cols() != of_rows->cols()) return;
    measuring.targets_are_classes = measuring.classes.of_rows > 1 && !columns.targets && !rows.targets &&
                                    of_columns->cols() == measuring.classes.of_columns;
    MeasuredTargets targets{std::move(*of_rows), std::move(*of_columns)};
    std::frexp(std::max(largest_of(targets.rows), largest_of(targets.columns)), &targets.exponent);
    targets.exponent = -targets.exponent;
    scale(targets.rows, targets.exponent);
    scale(targets.columns, targets.exponent);
    add_targets(std::move(targets), measuring);
}

}  // namespace tangram
