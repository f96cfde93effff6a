// What else the user gives for each sample: labels and expected outputs.

#include "tangram/model/input_dataset.hpp"
#include "tangram/model/samples.hpp"
#include "tangram/support/error.hpp"

#include <cassert>
#include <numeric>
#include <span>

namespace tangram {

namespace {

/// The rows of `input` that belong to samples [first, first + count): with one row for each row of the
/// samples' dataset the same selection applies; with one for each sample they are in order already.
std::vector<std::int64_t> matching_rows(const InputDataset& input, const std::string& what,
                                        const SampleSelection& selection, Index first, Index count) {
    if (input.rows() != selection.dataset_rows && input.rows() != selection.count()) {
        fail(ExitCode::bad_input,
             "{} {} do not fit the samples ({}): give {}, one for each row of the samples' dataset, or {}, "
             "one for each sample",
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

}  // namespace

Labels read_labels(const std::string& location, const SampleSelection& selection) {
    const InputDataset input = open_input(location, "labels");
    if (input.shape.size() > 2 || flattened_width(input) != 1) {
        fail(ExitCode::bad_input, "labels are not one number a sample ({}): store them as (N)",
             describe(input));
    }
    Labels labels{input.integers, std::vector<double>(selection.rows.size())};
    read_matching(input, "labels", selection, 0, {labels.values.data(), selection.count(), 1, 1});
    return labels;
}

bool read_expected_outputs(const std::string& location, const SampleSelection& selection, Index first,
                           MatrixView<double> out) {
    assert(first >= 0 && first + out.rows <= selection.count() && out.ld == out.cols);
    const InputDataset input = open_input(location, "expected outputs");
    const bool single = input.shape.size() == 1 && out.cols == 1;
    if ((input.shape.size() != 2 && !single) || flattened_width(input) != out.cols) {
        fail(ExitCode::bad_input,
             "expected outputs do not fit the network's {} outputs ({}): store them as (N, {})", out.cols,
             describe(input), out.cols);
    }
    read_matching(input, "expected outputs", selection, first, out);
    return !input.integers && h5::element_bytes(input.dataset) < 8;
}

}  // namespace tangram
