// Reading targets.

#include "tangram/input/input_dataset.hpp"
#include "tangram/input/samples.hpp"
#include "tangram/regression/targets.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <numeric>

namespace tangram {

namespace {

bool is_permutation_of_all(const std::vector<std::int64_t>& rows) {
    std::vector<std::int64_t> sorted = rows;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (sorted[i] != static_cast<std::int64_t>(i)) return false;
    }
    return true;
}

/// Which of `available` entries belong to the samples: as the options of `tangram kernel` take labels.
SampleSelection selection_for(const std::string& location, const std::vector<std::int64_t>& rows,
                              Index available) {
    const auto count = static_cast<Index>(rows.size());
    const std::int64_t last = *std::max_element(rows.begin(), rows.end());
    SampleSelection selection;
    selection.rows = rows;
    if (available == count && !is_permutation_of_all(rows)) {  // one a sample, in their order
        std::iota(selection.rows.begin(), selection.rows.end(), 0);
    } else if (available <= last) {
        fail(
            ExitCode::bad_input,
            "{} targets do not fit the {} samples, rows 0 to {} of their input ({}): give one for each sample, or one for each row of that input",
            available, count, last, location);
    }
    selection.dataset_rows = available;
    return selection;
}

/// (1, N), as MATLAB has a row of labels.
bool is_one_row(const InputDataset& input) {
    return input.shape.size() == 2 && input.shape.front() == 1 && input.shape.back() != 1;
}

bool is_one_hot(const Matrix<double>& values) {
    for (Index i = 0; i < values.rows(); ++i) {
        const double* row = values.view().row(i);
        if (std::count(row, row + values.cols(), 1.0) != 1 ||
            std::count(row, row + values.cols(), 0.0) != values.cols() - 1)
            return false;
    }
    return true;
}

GivenTargets as_labels(const std::string& location, const SampleSelection& selection,
                       const GivenTargets* train) {
    GivenTargets given;
    given.are_labels = true;
    Labels labels;
    if (train != nullptr && !train->classes.empty()) {
        // Texts are numbered as those of the training samples; one that is none of theirs is no mistake here.
        labels = read_labels(location, selection);
        if (labels.classes.empty()) {
            fail(ExitCode::bad_input,
                 "labels are numbers here and strings for the training samples ({}): give both the same way",
                 location);
        }
        std::vector<std::string> all = train->classes;
        for (double& value : labels.values) {
            const std::string& name = labels.classes[at(static_cast<Index>(value))];
            auto found = std::find(all.begin(), all.end(), name);
            if (found == all.end()) found = all.insert(all.end(), name);
            value = static_cast<double>(found - all.begin());
        }
        labels.classes = std::move(all);
    } else {
        labels = read_labels(location, selection);
        if (train != nullptr && !labels.classes.empty()) {
            fail(ExitCode::bad_input,
                 "labels are strings here and numbers for the training samples ({}): give both the same way",
                 location);
        }
    }
    if (!labels.integers)
        fail(ExitCode::bad_input, "labels are no integers ({}): give --targets-are numbers", location);
    given.labels = std::move(labels.values);
    given.classes = std::move(labels.classes);
    given.notes = std::move(labels.notes);
    return given;
}

}  // namespace

GivenTargets read_given_targets(const std::string& location, const std::string& kind,
                                const std::vector<std::int64_t>& rows, const GivenTargets* train) {
    const std::vector<std::string> texts = read_texts(location);
    if (!texts.empty()) {
        if (kind == "numbers")
            fail(ExitCode::bad_input, "targets are texts, and --targets-are says numbers ({})", location);
        return as_labels(location, selection_for(location, rows, static_cast<Index>(texts.size())), train);
    }
    InputDataset input = open_input(location, "targets");
    input.transposed = is_one_row(input) && rows.size() != 1;
    const SampleSelection selection = selection_for(describe(input), rows, input.rows());
    const bool wants_labels =
        kind == "labels" ||
        (kind == "auto" && (train != nullptr ? train->are_labels : true) && input.kind != ElementKind::real);
    if (train != nullptr && kind == "auto" && train->are_labels && input.kind == ElementKind::real) {
        fail(
            ExitCode::bad_input,
            "test targets are stored as real numbers, and those of the training samples as labels ({}): give both the same way, or say --targets-are",
            describe(input));
    }
    const Index width = flattened_width(input);
    if (wants_labels && width == 1) return as_labels(location, selection, train);
    if (input.shape.size() > 2)
        fail(ExitCode::bad_input, "targets have more than two dimensions ({}): store them as (N, T)",
             describe(input));
    GivenTargets given;
    given.numbers = Matrix<double>(selection.count(), width);
    read_input_rows(input, selection.rows, given.numbers.view());
    require_finite(input, selection.rows, given.numbers.view());
    if (input.is_chosen)
        given.notes.push_back(fmt::format("targets: {}, the only dataset there", describe(input)));
    if (!wants_labels) return given;
    if (is_one_hot(given.numbers)) {
        given.are_labels = true;
        for (Index i = 0; i < given.numbers.rows(); ++i) {
            const double* row = given.numbers.view().row(i);
            given.labels.push_back(static_cast<double>(std::find(row, row + width, 1.0) - row));
        }
        given.numbers = {};
    } else if (kind == "labels") {
        fail(ExitCode::bad_input,
             "labels are not one number a sample ({}): store them as (N), or one-hot as (N, classes)",
             describe(input));
    }
    return given;
}

}  // namespace tangram
