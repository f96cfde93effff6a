// What else the user gives for each sample: labels and expected outputs.

#include "tangram/input/input_dataset.hpp"
#include "tangram/input/samples.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <span>

namespace tangram {

namespace {

/// The rows of `input` that belong to samples [first, first + count): with one row for each row of the
/// samples' dataset the same selection applies; with one for each sample they are in order already.
std::vector<std::int64_t> matching_rows(const InputDataset& input, const std::string& what,
                                        const SampleSelection& selection, Index first, Index count) {
    if (input.rows() != selection.dataset_rows && input.rows() != selection.count()) {
        fail(
            ExitCode::bad_input,
            "{} {} do not fit the samples ({}): give {}, one for each row of the samples' dataset, or {}, one for each sample",
            input.rows(), what, describe(input), selection.dataset_rows, selection.count());
    }
    if (input.rows() == selection.dataset_rows) {
        const auto start = selection.rows.begin() + first;
        return {start, start + count};
    }
    std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), first);
    return rows;
}

/// Reads the rows of `input` that belong to the samples from `first` on.
void read_matching(const InputDataset& input, const std::string& what, const SampleSelection& selection,
                   Index first, MatrixView<double> out) {
    const std::vector<std::int64_t> rows = matching_rows(input, what, selection, first, out.rows);
    read_input_rows(input, rows, out);
    require_finite(input, rows, out);
}

bool is_real(const InputDataset& input) {
    return input.kind == ElementKind::real;
}

[[noreturn]] void refuse_labels(const InputDataset& input) {
    fail(ExitCode::bad_input,
         "labels are not one number a sample ({}): store them as (N), or one-hot as (N, classes)",
         describe(input));
}

/// The column of the 1 of each row. Throws where a row is anything but one 1 among zeros.
std::vector<double> classes_of_one_hot(const InputDataset& input, ConstMatrixView<double> rows) {
    std::vector<double> classes;
    for (Index i = 0; i < rows.rows; ++i) {
        const double* row = rows.row(i);
        const bool is_one_hot = std::count(row, row + rows.cols, 1.0) == 1 &&
                                std::count(row, row + rows.cols, 0.0) == rows.cols - 1;
        if (!is_one_hot) refuse_labels(input);
        classes.push_back(static_cast<double>(std::find(row, row + rows.cols, 1.0) - row));
    }
    return classes;
}

/// In the order of their bytes, over the whole file: so that a part of it has the same numbers.
std::vector<std::string> sorted_classes(std::vector<std::string> texts) {
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return texts;
}

/// Numbered by their place in `classes`.
Labels labels_of_texts(const std::string& location, const std::vector<std::string>& texts,
                       const SampleSelection& selection, std::vector<std::string> classes) {
    Labels labels;
    labels.classes = std::move(classes);
    InputDataset input;
    input.location = split_location(location);
    input.shape = {static_cast<Index>(texts.size())};
    for (const std::int64_t row : matching_rows(input, "labels", selection, 0, selection.count())) {
        const auto found = std::lower_bound(labels.classes.begin(), labels.classes.end(), texts[at(row)]);
        if (found == labels.classes.end() || *found != texts[at(row)]) {
            fail(ExitCode::bad_input,
                 "the label '{}' is none of the training samples' ({}, row {}): theirs are {}",
                 printable(texts[at(row)]), location, row, name_some(labels.classes));
        }
        labels.values.push_back(static_cast<double>(found - labels.classes.begin()));
    }
    labels.notes.push_back(
        fmt::format("labels: strings, numbered from 0 in their order: {}", name_some(labels.classes)));
    return labels;
}

/// Outputs of a column-major program: (C, N), where that alone fits.
bool lies_transposed(const InputDataset& input, const SampleSelection& selection, Index outputs) {
    const auto fits = [&](Index rows) { return rows == selection.dataset_rows || rows == selection.count(); };
    return input.shape.size() == 2 && input.shape[0] == outputs && fits(input.shape[1]) &&
           !(input.shape[1] == outputs && fits(input.shape[0]));
}

/// A dataset with one number an output of each sample.
InputDataset open_one_an_output(const std::string& location, const std::string& what,
                                const SampleSelection& selection, Index outputs) {
    InputDataset input = open_input(location, what);
    const bool single = input.shape.size() == 1 && outputs == 1;
    input.transposed = lies_transposed(input, selection, outputs);
    if ((input.shape.size() != 2 && !single) || flattened_width(input) != outputs) {
        fail(ExitCode::bad_input, "{} do not fit the network's {} outputs ({}): store them as (N, {})", what,
             outputs, describe(input), outputs);
    }
    return input;
}

/// The same number must mean the same class in both sets.
void require_alike(const std::string& location, bool are_texts, const Labels& train) {
    if (are_texts == !train.classes.empty()) return;
    fail(ExitCode::bad_input,
         "labels are {} here and {} for the training samples ({}): give both the same way",
         are_texts ? "strings" : "numbers", are_texts ? "numbers" : "strings", location);
}

bool has_negative(const Labels& labels) {
    return std::any_of(labels.values.begin(), labels.values.end(), [](double value) { return value < 0; });
}

/// Numbers of classes that the training samples cannot have are no classes, but targets or a mistake.
void require_classes(const InputDataset& input, const Labels& labels, const Labels& train) {
    if (!train.integers) return;
    const char* what = !labels.integers                               ? "no integers"
                       : has_negative(labels) && !has_negative(train) ? "negative in part"
                                                                      : nullptr;
    if (what == nullptr) return;
    fail(ExitCode::bad_input, "labels are {} here, and {} for the training samples ({}): number both alike",
         what, labels.integers ? "nowhere negative" : "integers", describe(input));
}

}  // namespace

Labels read_labels(const std::string& location, const SampleSelection& selection, const Labels* train) {
    const std::vector<std::string> texts = read_texts(location);
    if (train != nullptr) require_alike(location, !texts.empty(), *train);
    if (!texts.empty())
        return labels_of_texts(location, texts, selection,
                               train != nullptr ? train->classes : sorted_classes(texts));
    InputDataset input = open_input(location, "labels");
    input.transposed = input.shape.size() == 2 && input.shape.front() == 1;  // a row of them, as MATLAB has
    const Index width = flattened_width(input);
    Labels labels{!is_real(input), std::vector<double>(selection.rows.size()), {}, {}};
    if (input.is_chosen)
        labels.notes.push_back(fmt::format("labels: {}, the only dataset there", describe(input)));
    if (input.shape.size() == 2 && width > 1) {
        Matrix<double> rows(selection.count(), width);
        read_matching(input, "labels", selection, 0, rows.view());
        labels.values = classes_of_one_hot(input, rows.view());
        labels.integers = true;
        return labels;
    }
    if (input.shape.size() > 2 || width != 1) refuse_labels(input);
    read_matching(input, "labels", selection, 0, {labels.values.data(), selection.count(), 1, 1});
    labels.integers |= std::all_of(labels.values.begin(), labels.values.end(), [](double value) {
        return std::abs(value) < 0x1p53 && value == std::floor(value);
    });
    if (train != nullptr) require_classes(input, labels, *train);
    return labels;
}

Matrix<double> read_targets(const std::string& location, const SampleSelection& selection, Index outputs) {
    Matrix<double> targets(selection.count(), outputs);
    const InputDataset input = open_one_an_output(location, "targets", selection, outputs);
    read_matching(input, "targets", selection, 0, targets.view());
    return targets;
}

bool read_expected_outputs(const std::string& location, const SampleSelection& selection, Index first,
                           MatrixView<double> out) {
    assert(first >= 0 && first + out.rows <= selection.count() && out.ld == out.cols);
    const InputDataset input = open_one_an_output(location, "expected outputs", selection, out.cols);
    read_matching(input, "expected outputs", selection, first, out);
    return is_real(input) && input.element_bytes < 8;
}

}  // namespace tangram
